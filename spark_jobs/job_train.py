"""spark-submit job_train.py --pipeline PIPELINE.yaml --run-id ID: execute the stage `train`."""

from steelyard.stages.commands.submit import main

if __name__ == "__main__":
    main("train")
