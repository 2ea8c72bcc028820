"""Traffic beside a rehearsal: its client is a process of its own, and may come to its end."""

import time
from collections.abc import Callable
from threading import Event

import pytest

from teal.app.traffic import Traffic
from teal.errors import LabError

NOBODY = "http://127.78.2.1:18110/"


def until(true: Callable[[], object]) -> None:
    """Wait until something is so; fail at the deadline."""
    end_s = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end_s
        Event().wait(0.05)


def test_the_final_count() -> None:
    """Stopped, the client says how many requests it sent, and that nobody answered them."""
    traffic = Traffic(NOBODY, rate_per_s=50, duration_s=60, slow_per_s=0.0)
    try:
        until(lambda: traffic.counted)
        assert traffic.alive
        counted = traffic.stop()
    finally:
        traffic.kill()
    assert counted["failures"] == {"connect": counted["sent"]}
    assert not traffic.alive


def test_a_client_that_vanishes_is_no_proof() -> None:
    """A client that was killed has no final count: to ask for it is an error, not a good result."""
    traffic = Traffic(NOBODY, rate_per_s=50, duration_s=60, slow_per_s=0.0)
    until(lambda: traffic.counted)
    traffic.kill()
    assert not traffic.alive
    with pytest.raises(LabError, match="without a final count"):
        traffic.stop()
