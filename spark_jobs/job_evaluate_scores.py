"""spark-submit job_evaluate_scores.py SCORES --label COL --score COL: honest metrics for scores of any model."""

from steelyard.stages.commands.submit import main_evaluate_scores

if __name__ == "__main__":
    main_evaluate_scores()
