"""spark-submit job_report.py --pipeline PIPELINE.yaml --run-id ID: execute the stage `report`."""

from steelyard.stages.commands.submit import main

if __name__ == "__main__":
    main("report")
