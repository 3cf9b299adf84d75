"""The work of commands and spark-submit other than stages: score, work on bare tables, clean up, describe."""
