"""The system's clock: sleep that ends early, and signals that ask before they kill."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from threading import Timer
from types import FrameType

import pytest

from teal.host.clock import SystemClock

CHILD = """
import signal, sys
from teal.host.clock import SystemClock
clock = SystemClock()
clock.install()
print("ready", flush=True)
clock.sleep(30)
print("asked", clock.stop_signal(), flush=True)
for _ in range(200):
    clock.sleep(30)
sys.exit(9)
"""


@pytest.fixture
def clock() -> Iterator[SystemClock]:
    """Give a clock, and close it."""
    made = SystemClock()
    yield made
    made.close()


def test_now(clock: SystemClock) -> None:
    """Time passes, in seconds since 1970."""
    first = clock.now_s()
    assert first > 1.7e9
    assert clock.now_s() >= first


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
def test_setting_the_computers_clock_changes_nothing(jump_s: float) -> None:
    """An hour forward or back, and the time goes on as it did: no hold is shorter, no wait longer."""
    began_s = 1_800_000_000.0
    wall = chain([began_s], repeat(began_s + jump_s))
    clock = SystemClock(lambda: next(wall))
    assert 0 <= clock.now_s() - began_s < 60
    clock.close()


def test_sleep(clock: SystemClock) -> None:
    """Sleep lasts as long as asked, and nothing or less lasts no time."""
    before_s = clock.now_s()
    clock.sleep(0.05)
    assert 0.04 < clock.now_s() - before_s < 1
    clock.sleep(0)
    clock.sleep(-5)
    assert clock.stop_signal() is None


def test_asking_to_stop_wakes_sleepers(clock: SystemClock) -> None:
    """Whoever sleeps wakes up when somebody asks to stop; later naps are short."""
    before_s = clock.now_s()
    Timer(0.05, clock.ask_to_stop, (signal.SIGTERM,)).start()
    clock.sleep(30)
    assert clock.now_s() - before_s < 2
    assert clock.stop_signal() == signal.SIGTERM
    clock.sleep(30)
    assert clock.now_s() - before_s < 2


def _own(_number: int, _frame: FrameType | None) -> None:
    """Stand for somebody's own handler."""


@pytest.mark.parametrize("there", [signal.SIG_DFL, signal.SIG_IGN, _own])
def test_handlers_are_given_back(there: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Closing the clock leaves the signals as they were."""
    before = signal.signal(signal.SIGTERM, there)
    try:
        clock = SystemClock()
        clock.install()
        os.kill(os.getpid(), signal.SIGTERM)
        clock.sleep(5)
        assert clock.stop_signal() == signal.SIGTERM
        clock.close()
        assert signal.getsignal(signal.SIGTERM) is there
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_second_signal_ends_at_once(number: signal.Signals, code: int) -> None:
    """The first signal is a wish, the second ends the process with the code that shells expect."""
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.defpath}
    with subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, env=environment, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(number)
        assert child.stdout.readline() == f"asked {int(number)}\n"
        child.send_signal(number)
        assert child.wait(10) == code


def test_time_that_nobody_sets() -> None:
    """Elapsed time goes on by itself, at the pace of seconds."""
    clock = SystemClock()
    before_s = clock.elapsed_s()
    clock.sleep(0.05)
    assert clock.elapsed_s() - before_s >= 0.05
    clock.close()
