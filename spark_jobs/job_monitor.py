"""spark-submit job_monitor.py RUN_DIR DATA --out DIR: compare new rows with a run, before labels arrive."""

from steelyard.stages.commands.submit import main_monitor

if __name__ == "__main__":
    main_monitor()
