"""spark-submit job_promote.py --pipeline PIPELINE.yaml --run-id ID: execute the stage `promote`."""

from steelyard.stages.commands.submit import main

if __name__ == "__main__":
    main("promote")
