"""What several nodes together say about a target.

A target is healthy when every node says so. A new target is `initial` until every node has checked it, and stays so
while it has failed fewer checks than make a target unhealthy, and while it may still be starting: only then may the
world act on it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from teal.lab.proxy.admin import HostSeen
from teal.lab.world.wires import HealthCheck

State = Literal["initial", "healthy", "unhealthy"]
Key = tuple[str, str, int]  # group ARN, target id, port


@dataclass(slots=True)
class Verdicts:
    """The verdicts so far."""

    _last: dict[Key, State] = field(default_factory=dict[Key, State])
    _failing_since_s: dict[Key, float] = field(default_factory=dict[Key, float])

    def judge(self, key: Key, check: HealthCheck, seen: Sequence[HostSeen | None], now_s: float) -> State:
        """Return the state of a target; `seen` has one entry per node."""
        state = self._last.get(key, "initial")
        if all(one is not None and one.healthy for one in seen):
            state = "healthy"
        elif not any(one is None or one.pending for one in seen):
            state = self._failing(key, check, now_s) if state == "initial" else "unhealthy"
        self._last[key] = state
        return state

    def _failing(self, key: Key, check: HealthCheck, now_s: float) -> State:
        since_s = self._failing_since_s.setdefault(key, now_s)
        # half an interval more, so that the last check that counts has been answered
        patience_s = max((check.unhealthy_count - 0.5) * check.interval_s, check.start_least_s)
        return "initial" if now_s < since_s + patience_s else "unhealthy"

    def keep_only(self, keys: Iterable[Key]) -> None:
        """Forget every other target: when it comes back, it is new."""
        kept = set(keys)
        self._last = {key: state for key, state in self._last.items() if key in kept}
        self._failing_since_s = {key: since_s for key, since_s in self._failing_since_s.items() if key in kept}
