"""What commands and spark-submit do besides executing stages: score, work on bare tables, clean up, describe."""
