"""Several reads at once, in threads.

Each call gets a thread of its own pool, so that a read that gathers others in turn cannot wait for itself.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import TypeVar

from teal.errors import AwsError, CredentialError
from teal.ports import Clock

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


class PatientGather:
    """Makes calls at once and waits for them no longer than it is told.

    Args:
        clock: says when patience ends.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, calls: Sequence[Callable[[], T]], patience_s: float) -> list[T | None]:
        """Return the results in order; None for those that AWS did not answer, or not in `patience_s`."""
        until_s = self._clock.now_s() + patience_s
        results: list[T | None] = [None] * len(calls)

        def keep(index: int, call: Callable[[], T]) -> None:
            try:
                results[index] = call()
            except (AwsError, CredentialError):
                return  # unanswered: None

        # Daemon threads: a read that hangs must not keep the process alive either.
        threads = [Thread(target=keep, args=pair, daemon=True) for pair in enumerate(calls)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(until_s - self._clock.now_s(), 0.0))
        return list(results)
