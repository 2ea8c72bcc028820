"""What happened, in order: numbered for ever, kept for a while. A lab that runs for days does not grow by its story.

The newest events are at hand. Older ones are packed, 500 at a time, which takes a twentieth of the memory: a full story
would otherwise be most of what a lab's process needs.
"""

import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import overload

import msgspec

from teal.lab.world.wires import WorldEvent

EVENTS_KEPT = 50_000
AT_HAND = 500  # at least so many of the newest are not packed
PACK = 500


class Story(Sequence[WorldEvent]):
    """The newest events, oldest first. The first event of all had number 0.

    Args:
        keep: how many are kept at most; when there are more, a pack of the oldest goes.
    """

    def __init__(self, keep: int = EVENTS_KEPT) -> None:
        self._keep = keep
        self._packs: deque[bytes] = deque()
        self._at_hand: deque[WorldEvent] = deque()
        self._next = 0

    @property
    def first(self) -> int:
        """The number of the oldest event that is kept."""
        return self._next - len(self)

    @property
    def next(self) -> int:
        """The number that the next event will have: how many there have been."""
        return self._next

    def append(self, event: WorldEvent) -> None:
        """Go on with the story; the oldest events go when there are too many."""
        self._at_hand.append(event)
        self._next += 1
        if len(self._at_hand) >= AT_HAND + PACK:
            self._packs.append(_packed([self._at_hand.popleft() for _ in range(PACK)]))
        if len(self) > self._keep:
            (self._packs or self._at_hand).popleft()

    def since(self, number: int, most: int) -> tuple[int, Sequence[WorldEvent]]:
        """Return at most `most` events from a number on, or from the oldest that is kept, and the number of the first.

        Beyond the end there are none, and the number is that of the next event.
        """
        first = min(max(number, self.first), self._next)
        start = first - self.first
        return first, self[start : start + most]

    def clear(self) -> None:
        """Forget all events; their numbers stay taken."""
        self._packs.clear()
        self._at_hand.clear()

    def __len__(self) -> int:
        return len(self._packs) * PACK + len(self._at_hand)

    def __iter__(self) -> Iterator[WorldEvent]:
        return self._from_pack(0)

    def _from_pack(self, number: int) -> Iterator[WorldEvent]:
        """Yield all events from a pack on."""
        packs = map(_unpacked, islice(self._packs, number, None))
        return chain(chain.from_iterable(packs), self._at_hand)

    @overload
    def __getitem__(self, index: int) -> WorldEvent: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[WorldEvent]: ...
    def __getitem__(self, index: int | slice) -> WorldEvent | Sequence[WorldEvent]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step < 0:
                return list(self)[index]
            number = min(start // PACK, len(self._packs))
            return list(islice(self._from_pack(number), start - number * PACK, max(stop - number * PACK, 0), step))
        place = range(len(self))[index]
        return self[place : place + 1][0]


def _packed(events: Sequence[WorldEvent]) -> bytes:
    return zlib.compress(msgspec.json.encode(events))


def _unpacked(pack: bytes) -> Sequence[WorldEvent]:
    return msgspec.json.decode(zlib.decompress(pack), type=list[WorldEvent])
