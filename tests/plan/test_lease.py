"""The lease as a table: when a record may be taken, and what becomes of it."""

from collections.abc import Callable

import pytest

from locks import owner
from teal.model.lock import Holder, LeaseTimes, Life, LockRecord, Owner
from teal.plan.lease import (
    Sighting,
    Taker,
    acknowledged,
    all_dead,
    broken,
    held_by,
    left_s,
    living,
    preempting,
    released,
    renewed,
    sighted,
    skew_s,
    taken,
)

ANN, BOB, EVE = owner("ann"), owner("bob"), owner("eve")
TIMES = LeaseTimes()
HELD = LockRecord(epoch=7, nonce="n7", owner=ANN, command="deploy", phase="shift")
FREE = LockRecord(epoch=7, nonce="n7", owner=None)
AFTER_ROLLBACK = LockRecord(epoch=8, nonce="n8", owner=BOB, preempted=(Holder(epoch=7, owner=ANN),))
BY_EVE = Taker(owner=EVE, command="deploy", nonce="new", lease_s=60.0)


def _dead(*who: Owner) -> Callable[[Owner], Life]:
    return lambda one: Life.DEAD if one in who else Life.UNKNOWN


LEFT: dict[str, tuple[LockRecord, float, tuple[Owner, ...], float]] = {
    "free: at once": (FREE, 0.0, (), 0.0),
    "held, just seen: the whole time": (HELD, 0.0, (), 390.0),
    "held, seen unchanged a while": (HELD, 100.0, (), 290.0),
    "held, a moment too early": (HELD, 389.5, (), 0.5),
    "held, seen unchanged for the whole time": (HELD, 390.0, (), 0.0),
    "its holder is dead: ten seconds": (HELD, 0.0, (ANN,), 10.0),
    "its holder is dead, and so long": (HELD, 10.0, (ANN,), 0.0),
    "a dead rollback, whose victim may live": (AFTER_ROLLBACK, 10.0, (BOB,), 380.0),
    "a dead rollback and a dead victim": (AFTER_ROLLBACK, 10.0, (ANN, BOB), 0.0),
}


@pytest.mark.parametrize(("record", "unchanged_s", "dead", "left"), LEFT.values(), ids=LEFT)
def test_when_a_lock_may_be_taken(record: LockRecord, unchanged_s: float, dead: tuple[Owner, ...], left: float) -> None:
    """A lock may be taken when it is free, or when nobody named in its record can write any more."""
    assert left_s(record, unchanged_s, _dead(*dead), TIMES) == left


def test_a_longer_lease_is_waited_for() -> None:
    """A waiter heeds the lease that the holder wrote down, not its own."""
    record = LockRecord(epoch=1, nonce="n", owner=ANN, lease_s=120.0)
    assert left_s(record, 0.0, _dead(), TIMES) == 450.0


def test_a_changed_record_is_counted_anew() -> None:
    """A heartbeat of the holder begins the waiter's count from zero; an unchanged record does not."""
    first = sighted(None, HELD, 100.0)
    assert first == Sighting(nonce="n7", since_s=100.0)
    assert sighted(first, HELD, 200.0) == first
    assert sighted(first, renewed(HELD, "n8", "bake"), 200.0) == Sighting(nonce="n8", since_s=200.0)


@pytest.mark.parametrize("record", [None, FREE, HELD, AFTER_ROLLBACK])
def test_epochs_only_grow(record: LockRecord | None) -> None:
    """Each acquisition and each breaking raises the epoch by one; nothing else changes it."""
    before = record.epoch if record is not None else 0
    assert taken(record, BY_EVE).epoch == preempting(record, BY_EVE).epoch == before + 1
    if record is not None:
        assert broken(record, "new").epoch == before + 1
        assert {renewed(record, "x", "").epoch, released(record, "x").epoch, acknowledged(record, 7, "x").epoch} == {
            before
        }


def test_what_becomes_of_a_record() -> None:
    """A taker stands alone in the record; a rollback keeps those before it; an acknowledgement takes one out."""
    assert taken(HELD, BY_EVE).writers == (Holder(epoch=8, owner=EVE),)
    over = preempting(AFTER_ROLLBACK, BY_EVE)
    assert [holder.epoch for holder in over.writers] == [7, 8, 9]
    assert [holder.epoch for holder in acknowledged(over, 8, "x").writers] == [7, 9]
    assert preempting(FREE, BY_EVE).preempted == preempting(None, BY_EVE).preempted == ()
    assert released(AFTER_ROLLBACK, "x").writers == broken(AFTER_ROLLBACK, "x").writers == ()
    assert renewed(HELD, "x", "bake").phase == "bake"


def test_whose_lock_it_is() -> None:
    """A lock is held by an epoch until it is released or another epoch has begun."""
    assert held_by(HELD, 7)
    assert not held_by(HELD, 6)
    assert not held_by(FREE, 7)
    assert not held_by(None, 7)


def test_who_is_known_to_be_dead() -> None:
    """Only who is known to be dead counts as dead."""
    assert living(AFTER_ROLLBACK.writers, _dead(ANN)) == (Holder(epoch=8, owner=BOB),)
    assert all_dead(HELD, _dead(ANN))
    assert not all_dead(HELD, _dead())


@pytest.mark.parametrize(
    ("told_s", "asked_s", "answered_s", "skew"),
    [
        (100.0, 100.2, 100.4, 0.0),
        (100.0, 99.0, 103.0, 0.0),
        (100.0, 100.9, 101.5, 0.0),
        (131.0, 100.0, 100.5, 30.5),
        (69.0, 100.5, 101.0, -30.5),
    ],
)
def test_clock_skew(told_s: float, asked_s: float, answered_s: float, skew: float) -> None:
    """Skew is what the time on the way and the server's whole seconds cannot explain."""
    assert skew_s(told_s, asked_s, answered_s) == skew


def test_times_in_a_lab() -> None:
    """A lab's scale shortens every time but keeps their order; a lease never gets shorter than a process may stall."""
    for scale in (0.001, 0.1, 1.0, 10.0):
        times = LeaseTimes.scaled(scale)
        assert times.heartbeat_s < times.leave_s < times.stop_s < times.lease_s < times.steal_s
        assert times.lease_s >= 6.0
        assert times.stop_s - times.leave_s > 0.1 * times.lease_s
    assert LeaseTimes.scaled(1.0) == LeaseTimes.scaled(10.0) == TIMES
    assert TIMES.steal_s == 390.0
