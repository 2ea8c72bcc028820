"""Several reads at once, in threads.

Each call gets a thread of its own pool, so that a read that gathers others in turn cannot wait for itself.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_THREADS_MOST = 8


class ThreadGather:
    """Makes up to `threads` calls at once."""

    def __init__(self, threads: int = _THREADS_MOST) -> None:
        self._threads = threads

    def __call__(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Return the results in order; the first error is raised after all have ended."""
        if len(calls) <= 1:
            return [call() for call in calls]
        with ThreadPoolExecutor(min(len(calls), self._threads), thread_name_prefix="gather") as pool:
            futures = [pool.submit(call) for call in calls]
        return [future.result() for future in futures]
