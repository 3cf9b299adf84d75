"""The actions of a session and their plans, from Spark's own record of them."""

from __future__ import annotations

from event_log import Work
from pyspark.sql import SparkSession


def latest_action(spark: SparkSession) -> int:
    """Return the number of the session's latest action: Spark forgets old ones, so that their count stands still."""
    spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()
    actions = spark._jsparkSession.sharedState().statusStore().executionsList()
    return int(actions.last().executionId()) if actions.nonEmpty() else -1


def nodes_of(spark: SparkSession, action: int) -> list[str]:
    """Return the names of the operators of an action, from its plan as it was executed."""
    nodes = spark._jsparkSession.sharedState().statusStore().planGraph(action).allNodes()
    return [nodes.apply(i).name() for i in range(nodes.size())]


def work_after(spark: SparkSession, action: int) -> Work:
    """Return the work of all actions after one."""
    later = range(action + 1, latest_action(spark) + 1)
    store = spark._jsparkSession.sharedState().statusStore()
    jobs = sum(store.execution(number).get().jobs().size() for number in later)
    return Work.of(jobs, [name for number in later for name in nodes_of(spark, number)])
