"""spark-submit job_guard_scored.py --pipeline PIPELINE.yaml --run-id ID: execute the stage `guard_scored`."""

from steelyard.stages.commands.submit import main

if __name__ == "__main__":
    main("guard_scored")
