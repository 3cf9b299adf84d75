"""spark-submit job_explain.py --pipeline PIPELINE.yaml --run-id ID: execute the stage `explain`."""

from steelyard.stages.commands.submit import main

if __name__ == "__main__":
    main("explain")
