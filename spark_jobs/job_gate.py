"""spark-submit job_gate.py --pipeline PIPELINE.yaml --run-id ID: execute the stage `gate`."""

from steelyard.stages.commands.submit import main

if __name__ == "__main__":
    main("gate")
