"""spark-submit job_split.py --pipeline PIPELINE.yaml --run-id ID: execute the stage `split`."""

from steelyard.stages.commands.submit import main

if __name__ == "__main__":
    main("split")
