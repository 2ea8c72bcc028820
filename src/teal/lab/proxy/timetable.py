"""When a node takes up a change of listeners and rules.

AWS says that a change of rules "does not take effect immediately" and that a load balancer is several nodes. So each
node here takes up each change after a delay of its own. The delay is drawn from (seed, node, number of the change) by a
hash: the same lab with the same seed has the same delays. Changes keep their order: none overtakes an earlier one.
"""

from collections import deque
from dataclasses import dataclass, field
from hashlib import sha256

from teal.lab.world.wires import ProxyListener

Listeners = tuple[ProxyListener, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Listeners that a node shall have from an instant on."""

    due_s: float
    listeners: Listeners


def delay_s(seed: int, node: int, number: int, between_s: tuple[float, float]) -> float:
    """Return how long a node takes for a change."""
    shortest_s, longest_s = between_s
    drawn = int.from_bytes(sha256(f"{seed}/{node}/{number}".encode()).digest()[:8]) / 2**64
    return shortest_s + drawn * (longest_s - shortest_s)


@dataclass(slots=True, kw_only=True)
class Timetable:
    """The changes one node has still to take up, oldest first."""

    seed: int
    node: int
    delays_s: tuple[float, float]
    _pending: deque[Change] = field(default_factory=deque[Change])
    _number: int = 0
    _last_due_s: float = 0.0

    def announce(self, listeners: Listeners, now_s: float) -> None:
        """Put a change on the table."""
        self._number += 1
        due_s = now_s + delay_s(self.seed, self.node, self._number, self.delays_s)
        self._last_due_s = max(due_s, self._last_due_s)
        self._pending.append(Change(due_s=self._last_due_s, listeners=listeners))

    def due(self, now_s: float) -> Listeners | None:
        """Return the listeners of the oldest change that is due, and leave it on the table."""
        return self._pending[0].listeners if self._pending and self._pending[0].due_s <= now_s else None

    def done(self) -> None:
        """Take the oldest change off the table."""
        self._pending.popleft()

    def coming(self) -> tuple[Listeners, ...]:
        """Return the listeners of all changes on the table."""
        return tuple(change.listeners for change in self._pending)
