"""The record of a lock as text."""

import json
from dataclasses import replace

import pytest

from locks import owner
from teal.model.lock import Holder, LeaseTimes, LockRecord, lock_from, lock_text

RECORD = LockRecord(
    epoch=8,
    nonce="t.1",
    owner=replace(owner("bob"), ci_url="https://ci.example/7"),
    command="rollback",
    phase="ROLLING BACK",
    preempted=(Holder(epoch=7, owner=owner("ann")),),
)


def test_there_and_back() -> None:
    """A record survives its way through the store."""
    assert lock_from(lock_text(RECORD)) == RECORD
    assert lock_from(lock_text(replace(RECORD, owner=None)).encode()).owner is None


def test_what_a_newer_teal_adds_is_passed_over() -> None:
    """Fields that this teal does not know are no obstacle; another schema is."""
    body = json.loads(lock_text(RECORD))
    assert lock_from(json.dumps({**body, "colour": "red"})) == RECORD
    with pytest.raises(ValueError, match="schema 2"):
        lock_from(json.dumps({**body, "schema": 2}))


@pytest.mark.parametrize("body", ["", "{}", "null", '{"epoch": "x"}', "[1", '{"epoch": 1, "nonce": "n", "owner": 5}'])
def test_what_is_no_record(body: str) -> None:
    """Anything else is an error, never an empty lock."""
    with pytest.raises(ValueError, match=r".+"):
        lock_from(body)


def test_no_control_character_comes_out() -> None:
    """Whatever somebody wrote into the record, a terminal shows it as text."""
    evil = replace(owner("ann"), user="a\x1b[31mnn", host="h\r\n::error::", ci_url="u\u202e")
    record = lock_from(lock_text(replace(RECORD, owner=evil, command="x\x07", phase="\x9b", preempted=())))
    assert str(record) == "a[31mnn on h  ::error:: (process 42, u): `teal x`, epoch 8"


def test_a_holder_in_words() -> None:
    """A record names who holds it, what for, and how far it has come."""
    assert str(RECORD) == (
        "bob on host-of-bob (process 42, https://ci.example/7): `teal rollback`, in ROLLING BACK, epoch 8"
    )
    assert str(replace(RECORD, owner=None)) == "nobody (epoch 8)"


def test_a_lab_scales_what_a_lock_waits_for() -> None:
    """Fence, skew and the wait for the dead are as much shorter as the lab is faster; no lab is slower than AWS."""
    times = LeaseTimes.scaled(0.01)
    assert (times.fence_s, times.skew_s, times.dead_s) == pytest.approx((3.0, 0.3, 0.1))
    assert LeaseTimes.scaled(2.0) == LeaseTimes.scaled(1.0) == LeaseTimes()
    assert LeaseTimes.scaled(0.0001).lease_s == 6.0
