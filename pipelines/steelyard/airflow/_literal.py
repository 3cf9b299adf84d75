"""Text that is not a template: file names and values of a YAML."""

from __future__ import annotations


def literal(text: str) -> str:
    """Return what Airflow renders to `text`: a path may be called `{{ conn.warehouse.password }}`.

    Examples
    --------
    >>> literal("/pipelines/card_fraud.yaml")
    '/pipelines/card_fraud.yaml'
    >>> print(literal("{{ x }}.yaml"))
    {{ '{{ x }}.yaml' }}
    """
    return "{{ " + ascii(text) + " }}" if "{" in text or text.endswith("\n") else text
