"""Py4J asks the JVM for a name each time it is used, which looks through all jars: a tenth of the suite's time."""

from __future__ import annotations

from typing import Any

from py4j.java_gateway import JavaClass, JavaMember, JVMView


def remember_names() -> None:
    """Let views of the JVM, and its classes, keep the classes and the methods that they have found."""
    for owner, kept in ((JVMView, JavaClass), (JavaClass, JavaMember)):
        owner.__getattr__ = _remembering(owner.__getattr__, kept)


def _remembering(ask: Any, kept: type) -> Any:
    def remembering(self: Any, name: str) -> Any:
        found = ask(self, name)
        if isinstance(found, kept):
            self.__dict__[name] = found
        return found

    return remembering
