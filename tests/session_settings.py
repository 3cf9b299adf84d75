"""How the suite's Spark sessions are set."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Tables are tiny: to compile and to adapt a plan takes longer than to run it.
_NO_PLANNING = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}

# `make test-defaults` runs the tests of invariance once as production does: adaptive, and with compiled plans.
_LIKE_PRODUCTION = os.environ.get("STEELYARD_TEST_DEFAULTS") == "1"

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    **({} if _LIKE_PRODUCTION else _NO_PLANNING),
    # The line of each column expression is for errors, and costs a third of the driver's time.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    # The text of each plan is for pages that nobody opens.
    "spark.sql.ui.explainMode": "simple",
    # Where SPARK_TESTING is set, as for Spark Connect, Spark checks the plan after each of its own rules.
    "spark.sql.planChangeValidation": "false",
    "spark.sql.debug.maxToStringFields": "1",
    # A session of a thousand tests fills a heap of 1 GB: the last of them then spend half of their time on garbage.
    "spark.driver.memory": "2g",
    "spark.ui.retainedJobs": "200",
    "spark.ui.retainedStages": "200",
    "spark.ui.retainedTasks": "2000",
    "spark.sql.ui.retainedExecutions": "200",
    "spark.sql.session.timeZone": "UTC",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}


def name_no_call_sites(session: SparkSession) -> None:
    """Let Spark and pyspark walk no stack for each table and job: a tenth of the time, for pages that nobody opens."""
    from pyspark.traceback_utils import SCCallSiteSync

    SCCallSiteSync._spark_stack_depth = 1  # as within a call that has set them, so that none sets or removes them
    for form in ("short", "long"):
        session.sparkContext.setLocalProperty(f"callSite.{form}", "a test")
