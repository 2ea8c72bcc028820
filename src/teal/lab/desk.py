"""What can be ordered of a lab while it lives: faults begin and end, its state is taken and put back."""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, TypeVar

import msgspec

from teal.errors import UsageError
from teal.lab.faults import GameDay, as_fault
from teal.lab.snapshot import put_back, take
from teal.lab.world.ground import Ground
from teal.lab.world.world import World

_T = TypeVar("_T")


class _Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    fault: dict[str, Any]
    seed: int | None = None
    for_s: float | None = None


class _Numbers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    numbers: tuple[int, ...] = ()


class Desk:
    """Takes orders, as JSON, and answers with plain values.

    Args:
        world: the region.
        ground: what it stands on.
        gameday: the faults.
        lock: the lab's.
        clock: the wall clock, unix seconds.
        wake: asks for the next round of the lab's loop.
    """

    def __init__(
        self,
        *,
        world: World,
        ground: Ground,
        gameday: GameDay,
        lock: Lock,
        clock: Callable[[], float],
        wake: Callable[[], None],
    ) -> None:
        self._world = world
        self._ground = ground
        self._gameday = gameday
        self._lock = lock
        self._clock = clock
        self._wake = wake

    def faults(self) -> Sequence[Mapping[str, Any]]:
        """Return the faults at work."""
        with self._lock:
            return [each.view() for each in self._gameday.faults()]

    def place(self, body: bytes) -> Mapping[str, Any]:
        """Let a fault begin; return it.

        Raises:
            UsageError: what is wrong with the order.
            LabError: there are too many faults already.
        """
        order = _read(body, _Order)
        fault = as_fault(order.fault)
        with self._lock:
            placed = self._gameday.place(fault, self._clock(), seed=order.seed, for_s=order.for_s)
            view = placed.view()
        self._wake()
        return view

    def snapshot(self) -> bytes:
        """Return the region as a file."""
        with self._lock:
            return take(self._world, self._ground, self._clock())

    def restore(self, body: bytes) -> Mapping[str, Any]:
        """Make the region what a snapshot says, and end all faults; return what is said of the snapshot.

        Raises:
            UsageError: what is wrong with it; the region is as it was.
        """
        with self._lock:
            header = put_back(body, self._world, self._ground, self._clock())
            self._gameday.forget(self._clock())
        self._wake()
        return msgspec.structs.asdict(header)

    def mend(self, body: bytes) -> Sequence[Mapping[str, Any]]:
        """End the faults of some numbers, or all; return those that were at work.

        Raises:
            UsageError: what is wrong with the order.
        """
        numbers = _read(body, _Numbers).numbers
        with self._lock:
            ended = [each.view() for each in self._gameday.mend(numbers, self._clock())]
        self._wake()
        return ended


def _read(body: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise UsageError(f"the lab does not understand: {error}") from error
