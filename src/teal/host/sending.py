"""What a run has sent to AWS: whether a write is under way, or may still be done although nobody waits for it any more.

A request that was sent has come to its end when it was answered. Where its answer was lost, or another attempt was made
after it, nobody knows, for as long as AWS may still take up what was signed.
"""

from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock

from teal.errors import AwsError, CredentialError, TransientError, UnknownAnswerError
from teal.ports import LeaseClock


class Sending:
    """The writes of one run."""

    def __init__(self, clock: LeaseClock) -> None:
        self._clock = clock
        self._under_way = Lock()
        self._sent = 0  # requests of the write under way
        self._unsure_s: float | None = None  # when the last write ended of which something may still be done

    def sends(self) -> None:
        """Take note that a request leaves now."""
        self._sent += 1

    @contextmanager
    def writing(self) -> Generator[None]:
        """While this lasts a write is under way."""
        with self._under_way:
            self._sent = answered = 0
            try:
                yield
                answered = 1
            except (AwsError, CredentialError) as error:
                answered = 0 if isinstance(error, TransientError | UnknownAnswerError) else 1
                raise
            finally:
                if self._sent > answered:
                    self._unsure_s = self._clock.elapsed_s()

    @contextmanager
    def ended(self, lands_within_s: float, *, wait: bool) -> Generator[bool]:
        """Say whether nothing that was sent can still be done; while this lasts nothing is sent."""
        if not self._under_way.acquire(blocking=wait):
            yield False
            return
        try:
            yield self._unsure_s is None or self._clock.elapsed_s() - self._unsure_s >= lands_within_s
        finally:
            self._under_way.release()
