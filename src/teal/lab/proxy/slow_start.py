"""Slow start: how much of its share a target gets that has become healthy beside others.

As on AWS a target enters when it becomes healthy while another one of its group has its full share, so that targets
that become healthy together, or first, get theirs at once. Its share grows linearly for the duration. It leaves when
the duration is over, when it is unhealthy, and when slow start is switched off; a target that was healthy before slow
start was switched on never enters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from teal.lab.proxy.verdict import Key, State

FULL = 100
_LEAST = 1
_STEP = 5  # a share changes by as much at a time: every change is a file for each node to read


@dataclass(slots=True)
class SlowStarts:
    """The targets of all groups that are in slow start, or have been."""

    _since_s: dict[Key, float] = field(default_factory=dict[Key, float])
    _healthy: set[Key] = field(default_factory=set[Key])

    def weights(self, states: Mapping[Key, State], duration_s: float, now_s: float) -> dict[Key, int]:
        """Return the share of each target of one group, in per cent of a full one.

        Args:
            states: what the targets of the group are now.
            duration_s: how long slow start takes, 0 when it is switched off.
            now_s: the time.
        """
        healthy = {key for key, state in states.items() if state == "healthy"}
        for key in states:
            if key not in healthy or now_s >= self._since_s.get(key, now_s) + duration_s:
                self._since_s.pop(key, None)
        fresh = healthy - self._healthy
        full = healthy - fresh - self._since_s.keys()
        self._healthy = self._healthy - states.keys() | healthy
        if duration_s <= 0 or not full:
            return {key: self._weight(key, duration_s, now_s) for key in states}
        self._since_s.update(dict.fromkeys(fresh, now_s))
        coming = states.keys() - healthy  # their first request shall not find them at full share
        return {key: _LEAST if key in coming else self._weight(key, duration_s, now_s) for key in states}

    def _weight(self, key: Key, duration_s: float, now_s: float) -> int:
        if key not in self._since_s:
            return FULL
        return max(int((now_s - self._since_s[key]) / duration_s * FULL / _STEP) * _STEP, _LEAST)

    def keep_only(self, keys: set[Key]) -> None:
        """Forget every other target: when it comes back, it is new."""
        self._healthy &= keys
        self._since_s = {key: since_s for key, since_s in self._since_s.items() if key in keys}
