"""spark-submit job_score.py RUN_DIR DATA --out DIR: score new rows with a run's model."""

from steelyard.stages.commands.submit import main_score

if __name__ == "__main__":
    main_score()
