"""spark-submit job_resample.py --pipeline PIPELINE.yaml --run-id ID: execute the stage `resample`."""

from steelyard.stages.commands.submit import main

if __name__ == "__main__":
    main("resample")
