"""The pace of calls to Elastic Load Balancing.

AWS gives one account and region a bucket of 40 calls, filled with 10 a second, for everything that anybody asks of
ELBv2 there. teal stays inside it by itself, and never lets reading eat what a write needs: reads leave `reserved` calls
in the bucket. Waiting is bounded. When the bound is reached the call is sent all the same, because AWS's own answer
to one call too many is better than a rollback that waits.
"""

from dataclasses import dataclass, field
from threading import Lock

from teal.aws.operations import WRITES
from teal.ports import Clock

_ROUNDS_MOST = 1000


@dataclass(slots=True, kw_only=True)
class TokenBucket:
    """Calls that may be sent now.

    Args:
        clock: says the time and sleeps.
        capacity: how many calls may be sent at once.
        per_s: how many more each second.
        reserved: how many of them are for writes alone.
        wait_most_s: how long a call waits at most.
    """

    clock: Clock
    capacity: float = 40.0
    per_s: float = 10.0
    reserved: float = 10.0
    wait_most_s: float = 30.0
    _tokens: float = field(init=False)
    _filled_at_s: float = field(init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def __post_init__(self) -> None:
        self._tokens = self.capacity
        self._filled_at_s = self.clock.now_s()

    def take(self, *, write: bool) -> None:
        """Take one call out of the bucket, after waiting for it."""
        give_up_at_s = self.clock.now_s() + self.wait_most_s
        for _ in range(_ROUNDS_MOST):
            missing = self._try(0.0 if write else self.reserved)
            left_s = give_up_at_s - self.clock.now_s()
            if missing <= 0.0 or left_s <= 0.0 or self.clock.stop_signal() is not None:
                return
            self.clock.sleep(min(missing / self.per_s, left_s))

    def _try(self, floor: float) -> float:
        """Take one call if that leaves `floor`; else return how much is missing."""
        with self._lock:
            now_s = self.clock.now_s()
            self._tokens = min(self.capacity, self._tokens + max(0.0, now_s - self._filled_at_s) * self.per_s)
            self._filled_at_s = now_s
            missing = floor + 1.0 - self._tokens
            # A sliver that is lost in floating point must not cost another round of waiting.
            if missing <= 1e-6:  # noqa: PLR2004 - a millionth of a call
                self._tokens -= 1.0
                return 0.0
            return missing


@dataclass(frozen=True, slots=True)
class Pace:
    """What is to happen before each request is sent: ELBv2 waits for its bucket, the others go straight through."""

    elbv2: TokenBucket

    def __call__(self, service: str, operation: str) -> None:
        """Wait until this request may be sent."""
        if service == "elbv2":
            self.elbv2.take(write=(service, operation) in WRITES)
