"""The one table of metrics: what `metrics.json`, report, terminal, gate, thresholds and `Evaluator` know.

Registering a metric makes it appear in all of them:

    from steelyard.metrics import Metric, register_metric

    register_metric(
        Metric(
            name="youden_j",
            label="Youden's J",
            description="recall + specificity - 1",
            kind="counts",
            value=lambda c: c.recall + c.specificity - 1,
            range=(-1, 1),
            maximize=True,
        )
    )

A package that offers metrics declares each as an entry point of the group `steelyard.metrics`, so that commands and
stages know it too:

    [project.entry-points."steelyard.metrics"]
    youden_j = "their_package.metrics:YOUDEN_J"

Importing this module loads no Spark.
"""

from __future__ import annotations

from collections.abc import Iterable

from steelyard.errors import ConfigError, closest
from steelyard.extensions import METRICS, extension_names, load_extension
from steelyard.metrics._counts import ConfusionCounts, CostTotals, Majority, MulticlassCounts
from steelyard.metrics._known import KNOWN
from steelyard.metrics._metric import INTERVALS, Kind, Metric, Scope

__all__ = [
    "INTERVALS",
    "ConfusionCounts",
    "CostTotals",
    "Kind",
    "Majority",
    "Metric",
    "MulticlassCounts",
    "Scope",
    "all_metrics",
    "get_metric",
    "metric_names",
    "register_metric",
    "unregister_metric",
]

_METRICS: dict[str, Metric] = {metric.name: metric for metric in KNOWN}
_OWN = frozenset(_METRICS)
_UNREAD = [METRICS]  # groups of entry points


def register_metric(metric: Metric, *, replace: bool = False) -> None:
    """Add a metric to the table.

    Parameters
    ----------
    metric : Metric
    replace : bool, default False
        Whether it may take the place of one that was registered under its name; not of steelyard's own.

    Raises
    ------
    ConfigError
        If the name is taken, or the formula fails on a sample.

    Examples
    --------
    >>> register_metric(Metric(name="fdr", label="FDR", description="share of the alarms that are wrong",
    ...     kind="counts", value=lambda c: 1 - c.precision, greater_is_better=False))
    >>> get_metric("fdr").label
    'FDR'
    >>> unregister_metric("fdr")
    """
    if metric.name in _OWN or (metric.name in _METRICS and not replace):
        raise ConfigError(f"there is a metric {metric.name!r} already; give the new one another name")
    metric.check_formula()
    _METRICS[metric.name] = metric


def unregister_metric(name: str) -> None:
    """Remove a metric that `register_metric` added.

    Raises
    ------
    ConfigError
        For an unknown metric, and for one of steelyard's own.
    """
    get_metric(name)
    if name in _OWN:
        raise ConfigError(f"{name!r} is one of steelyard's own metrics, which stay")
    del _METRICS[name]


def all_metrics() -> list[Metric]:
    """Return all metrics: steelyard's own in the order of tables, then those that were registered."""
    _discover()
    return list(_METRICS.values())


def metric_names(
    *, scope: Scope | None = None, headline: bool | None = None, maximize: bool | None = None
) -> list[str]:
    """Return the names of metrics, in the order of tables.

    Parameters
    ----------
    scope : {"class", "positive", "split"}, optional
    headline : bool, optional
    maximize : bool, optional
        Those that a threshold may maximize, or the others.

    Examples
    --------
    >>> metric_names(maximize=True)
    ['f1', 'f2', 'f0.5', 'balanced_accuracy', 'mcc', 'g_mean']
    """
    wanted = (("scope", scope), ("headline", headline), ("maximize", maximize))
    return [m.name for m in all_metrics() if all(v is None or getattr(m, k) == v for k, v in wanted)]


def get_metric(name: str) -> Metric:
    """Return a metric.

    Raises
    ------
    ConfigError
        For an unknown name; the message gives the nearest one.

    Examples
    --------
    >>> get_metric("pr_auc").label
    'PR area'
    """
    _discover()
    if name not in _METRICS:
        raise unknown_metric(name, _METRICS)
    return _METRICS[name]


def unknown_metric(name: str, known: Iterable[str]) -> ConfigError:
    """Return the error for a metric that is not one of `known`."""
    names = list(known)
    return ConfigError(f"there is no metric {name!r}.{closest(str(name), names)} There are: {', '.join(names)}")


def _discover() -> None:
    """Register the metrics of installed packages, once."""
    groups = _UNREAD.copy()
    _UNREAD.clear()  # first, since a package may call this module while it loads
    try:
        for group in groups:
            for name in extension_names(group):
                _add(load_extension(name, group, f"metric {name}"), f"entry point {name!r} of {group}")
    except ConfigError:
        _UNREAD.extend(groups)
        raise


def _add(metric: object, origin: str) -> None:
    if not isinstance(metric, Metric):
        raise ConfigError(f"{origin} gives a {type(metric).__name__}; it must give a Metric")
    metric.check_formula()
    if _METRICS.setdefault(metric.name, metric) is not metric:
        raise ConfigError(f"{origin}: there is a metric {metric.name!r} already")
