"""spark-submit job_compare.py --pipeline P.yaml --run-id ID: execute the stage `compare`."""

from steelyard.stages.commands.submit import main

if __name__ == "__main__":
    main("compare")
