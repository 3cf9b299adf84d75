"""spark-submit job_evaluate.py --pipeline PIPELINE.yaml --run-id ID: execute the stage `evaluate`."""

from steelyard.stages.commands.submit import main

if __name__ == "__main__":
    main("evaluate")
