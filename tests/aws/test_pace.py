"""teal stays inside ELBv2's budget, and reading never eats what a write needs."""

import pytest

from aws.canned import VirtualClock
from teal.aws.pace import Pace, TokenBucket


def _bucket(clock: VirtualClock) -> TokenBucket:
    return TokenBucket(clock=clock)


def test_burst_of_reads_leaves_the_reserve() -> None:
    """Thirty reads go at once, the thirty-first waits for its tenth of a second."""
    clock = VirtualClock()
    bucket = _bucket(clock)
    for _ in range(30):
        bucket.take(write=False)
    assert clock.naps == []
    bucket.take(write=False)
    assert sum(clock.naps) == pytest.approx(0.1)


def test_writes_use_the_reserve() -> None:
    """After reads have taken all they may, ten writes still go at once."""
    clock = VirtualClock()
    bucket = _bucket(clock)
    for _ in range(30):
        bucket.take(write=False)
    for _ in range(10):
        bucket.take(write=True)
    assert clock.naps == []
    bucket.take(write=True)
    assert sum(clock.naps) == pytest.approx(0.1)


@pytest.mark.parametrize("write", [False, True])
def test_long_run_rate(write: bool) -> None:  # noqa: FBT001 - the row of a table
    """Over time no more than ten calls a second go out."""
    clock = VirtualClock()
    bucket = _bucket(clock)
    for _ in range(440):
        bucket.take(write=write)
    assert clock.at_s - 1000.0 == pytest.approx(40.0 if write else 41.0)


def test_idleness_fills_no_more_than_the_bucket() -> None:
    """After an hour of silence the burst is still forty."""
    clock = VirtualClock()
    bucket = _bucket(clock)
    clock.at_s += 3600
    for _ in range(41):
        bucket.take(write=True)
    assert sum(clock.naps) == pytest.approx(0.1)


def test_waiting_is_bounded() -> None:
    """A call that cannot be had in time is sent all the same: AWS decides."""
    clock = VirtualClock()
    bucket = TokenBucket(clock=clock, capacity=1, per_s=0.001, reserved=0, wait_most_s=5)
    bucket.take(write=True)
    bucket.take(write=True)
    assert sum(clock.naps) == pytest.approx(5)


def test_stop_does_not_wait() -> None:
    """Once teal is asked to stop, the last writes go straight out."""
    clock = VirtualClock(stop=15)
    bucket = TokenBucket(clock=clock, capacity=1, per_s=0.001)
    for _ in range(5):
        bucket.take(write=True)
    assert clock.naps == []


def test_clock_set_back_does_no_harm() -> None:
    """A clock that is set back neither fills nor empties the bucket."""
    clock = VirtualClock()
    bucket = _bucket(clock)
    clock.at_s -= 500
    for _ in range(40):
        bucket.take(write=True)
    assert clock.naps == []


def test_only_elbv2_is_paced() -> None:
    """Other services go straight through; writes of ELBv2 are known by their names."""
    clock = VirtualClock()
    pace = Pace(TokenBucket(clock=clock, capacity=2, reserved=1))
    for _ in range(9):
        pace("ecs", "DescribeServices")
    pace("elbv2", "DescribeRules")
    pace("elbv2", "ModifyRule")
    assert clock.naps == []
    pace("elbv2", "DescribeRules")
    assert sum(clock.naps) == pytest.approx(0.2)
