"""spark-submit job_profile.py --pipeline PIPELINE.yaml --run-id ID: execute the stage `profile`."""

from steelyard.stages.commands.submit import main

if __name__ == "__main__":
    main("profile")
