"""spark-submit job_diagnose.py --pipeline PIPELINE.yaml --run-id ID: execute the stage `diagnose`."""

from steelyard.stages.commands.submit import main

if __name__ == "__main__":
    main("diagnose")
