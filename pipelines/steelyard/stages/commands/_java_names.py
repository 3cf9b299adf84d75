"""Keep the Java classes and methods that pyspark has looked up in a session's own Java process.

Py4J asks Java for a name each time it is used, such as `functions` and `col` for each column: a third of all calls.
"""

from __future__ import annotations

from typing import Any

from py4j.java_gateway import JavaClass, JavaMember, JVMView


class _Class(JavaClass):  # type: ignore[misc]  # Py4J has no types
    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        if isinstance(found, JavaMember):  # a method; a field may change
            self.__dict__[name] = found
        return found


class _View(JVMView):  # type: ignore[misc]
    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        if type(found) is JavaClass:
            found.__class__ = _Class
            self.__dict__[name] = found
        return found


def keep_names(gateway: Any) -> None:
    """Let a gateway's view of Java keep names. Other gateways of this process stay as they are."""
    if type(gateway.jvm) is JVMView:
        gateway.jvm.__class__ = _View
