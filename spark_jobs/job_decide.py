"""spark-submit job_decide.py --pipeline PIPELINE.yaml --run-id ID: execute the stage `decide`."""

from steelyard.stages.commands.submit import main

if __name__ == "__main__":
    main("decide")
