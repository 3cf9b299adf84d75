"""A context of the whole process that several threads need. Importing it needs no Spark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """A context of the whole process, such as another `sys.stdout`, for threads that need it at the same time.

    The first one enters it, and the last one leaves it. If each entered one of its own, the last would restore what
    another had set.

    Parameters
    ----------
    make : callable
        Returns the context manager.

    Examples
    --------
    >>> from contextlib import redirect_stdout
    >>> from io import StringIO
    >>> shared = Shared(lambda: redirect_stdout(StringIO()))
    >>> with shared.entered() as first, shared.entered() as second:
    ...     print("not shown")
    >>> first is second, first.getvalue().strip()
    (True, 'not shown')
    """

    def __init__(self, make: Callable[[], AbstractContextManager[T]]) -> None:
        self._make, self._lock, self._users = make, Lock(), 0
        self._scope, self._value = ExitStack(), list[T]()

    @contextmanager
    def entered(self) -> Iterator[T]:
        """Yield what the context gives."""
        with self._lock:
            if not self._users:
                self._value = [self._scope.enter_context(self._make())]
            self._users += 1
            [value] = self._value
        try:
            yield value
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._scope.close()
