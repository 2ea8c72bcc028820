"""What a stale read sees: the region as it was, from copies taken while a fault of stale reads is at work.

Copies are taken at a twentieth of the age that is asked for, and before a write if none is newer than a moment. A read
of the past is performed on a copy, at the instant it stands for: what was made since does not exist there.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol, Self

from teal.lab.world.ground import Answer, Params

_LEAST_GAP_S = 0.1
_BEFORE_WRITE_S = 0.02
_COPIES_PER_AGE = 20
_MOST_COPIES = 64


class Copyable(Protocol):
    """What must be asked of a world to have a past."""

    def call(self, service: str, operation: str, params: Params, now_s: float) -> Answer:
        """Perform an operation."""
        ...

    def copy(self) -> Self:
        """Return another world in the same state."""
        ...


@dataclass(slots=True, kw_only=True)
class Past:
    """The copies, oldest first, and how far each service was shown to have come."""

    _copies: deque[tuple[float, Copyable]] = field(
        default_factory=lambda: deque[tuple[float, Copyable]](maxlen=_MOST_COPIES)
    )
    _shown_s: dict[str, float] = field(default_factory=dict[str, float])

    def remember(self, world: Copyable, age_s: float, now_s: float, *, before_write: bool = False) -> None:
        """Take a copy if it is time, and drop those that nobody can be shown any more."""
        gap_s = _BEFORE_WRITE_S if before_write else max(age_s / _COPIES_PER_AGE, _LEAST_GAP_S)
        if not self._copies or now_s >= self._copies[-1][0] + gap_s:
            self._copies.append((now_s, world.copy()))
        while len(self._copies) > 1 and self._copies[1][0] <= now_s - age_s:
            self._copies.popleft()

    def forget(self) -> None:
        """Drop all copies."""
        self._copies.clear()
        self._shown_s.clear()

    def as_of(self, service: str, at_s: float, now_s: float, *, backwards: bool) -> tuple[Copyable, float] | None:
        """Return a copy that stands for an instant, and the instant; None when the present is to be shown.

        Unless `backwards`, no read of a service shows an earlier instant than the read before it.
        """
        if not backwards:
            at_s = max(at_s, self._shown_s.get(service, 0.0))
        self._shown_s[service] = max(self._shown_s.get(service, 0.0), at_s)
        fit = [each for each in self._copies if each[0] <= at_s] or list(self._copies)[:1]
        if not fit or at_s >= now_s:
            return None
        taken_s, copy = fit[-1]
        return copy, max(taken_s, at_s)

    def shown_now(self, service: str, now_s: float) -> None:
        """Note that a read of a service has shown the present."""
        self._shown_s[service] = now_s
