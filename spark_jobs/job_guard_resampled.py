"""spark-submit job_guard_resampled.py --pipeline PIPELINE.yaml --run-id ID: execute the stage `guard_resampled`."""

from steelyard.stages.commands.submit import main

if __name__ == "__main__":
    main("guard_resampled")
