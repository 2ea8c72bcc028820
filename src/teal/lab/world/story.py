"""What happened, in order: numbered for ever, kept for a while. A lab that runs for days does not grow by its story."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import overload

from teal.lab.world.wires import WorldEvent

EVENTS_KEPT = 50_000


class Story(Sequence[WorldEvent]):
    """The newest events, oldest first. The first event of all had number 0.

    Args:
        keep: how many are kept.
    """

    def __init__(self, keep: int = EVENTS_KEPT) -> None:
        self._events: deque[WorldEvent] = deque(maxlen=keep)
        self._next = 0

    @property
    def first(self) -> int:
        """The number of the oldest event that is kept."""
        return self._next - len(self._events)

    @property
    def next(self) -> int:
        """The number that the next event will have: how many there have been."""
        return self._next

    def append(self, event: WorldEvent) -> None:
        """Go on with the story; the oldest event goes when there are too many."""
        self._events.append(event)
        self._next += 1

    def since(self, number: int, most: int) -> tuple[int, Sequence[WorldEvent]]:
        """Return at most `most` events from a number on, or from the oldest that is kept, and the number of the first.

        Beyond the end there are none, and the number is that of the next event.
        """
        first = min(max(number, self.first), self._next)
        start = first - self.first
        return first, list(islice(self._events, start, start + most))

    def clear(self) -> None:
        """Forget all events; their numbers stay taken."""
        self._events.clear()

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[WorldEvent]:
        return iter(self._events)

    @overload
    def __getitem__(self, index: int) -> WorldEvent: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[WorldEvent]: ...
    def __getitem__(self, index: int | slice) -> WorldEvent | Sequence[WorldEvent]:
        return list(self._events)[index] if isinstance(index, slice) else self._events[index]
