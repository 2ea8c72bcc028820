"""Nothing on the leash outlives the lab."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from teal.lab import leash as module
from teal.lab.leash import SELF_LISTING, Leash, read_groups

LISTS: list[tuple[list[bytes], set[int]]] = [
    ([], set()),
    ([b"+12\n", b"+13\n", b"-12\n"], {13}),
    ([b"+12\n", b"+12\n", b"-12\n", b"-99\n"], set()),
    ([b"+0\n", b"+1\n", b"+-5\n", b"+\n", b"\n", b"+x\n", b"12\n", b"+2"], {2}),
]
# What the lab does, in short: a leash, a process that lists itself and ignores SIGTERM, one that is listed by hand.
LAB = """
import signal, subprocess, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts with SIGINT ignored
sys.path.insert(0, sys.argv[1])
from teal.lab.leash import SELF_LISTING, Leash
leash = Leash()
deaf = ["/bin/sh", "-c", 'trap "" TERM; echo deaf; while :; do sleep 1; done']
one = subprocess.Popen(["/bin/sh", "-c", SELF_LISTING, "sh", *deaf], stdin=leash.pipe, stdout=subprocess.PIPE,
    start_new_session=True)
one.stdout.readline()
two = subprocess.Popen(["sleep", "60"], start_new_session=True)
leash.add(two.pid)
print(leash.pid, one.pid, two.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("lines", "groups"), LISTS)
def test_the_list(lines: list[bytes], groups: set[int]) -> None:
    """What was put on and not taken off is left; groups 0 and 1, which mean everybody, never are."""
    assert read_groups(lines) == groups


def gone(pid: int, timeout_s: float) -> bool:
    """Wait for the end of a process that is not our child; a zombie has ended."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)  # noqa: TID251 - a test of real processes
    return False


@pytest.fixture
def lab() -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Start a small lab; yield it and its leash and processes."""
    source = str(Path(module.__file__).parents[2])
    command = [sys.executable, "-c", LAB, source]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, [int(word) for word in process.stdout.readline().split()]
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_survives(lab: tuple[subprocess.Popen[str], list[int]], number: signal.Signals) -> None:
    """However the lab dies, its processes die, even those that ignore SIGTERM; the leash ends last."""
    process, (holder, deaf, listed) = lab
    process.send_signal(number)
    assert gone(listed, 3.0)
    assert gone(deaf, 6.0)
    assert gone(holder, 2.0)


def test_a_signal_to_the_leash_does_not_loosen_it(lab: tuple[subprocess.Popen[str], list[int]]) -> None:
    """The leash itself only listens to its pipe."""
    process, (holder, deaf, _) = lab
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(holder, number)
    assert not gone(holder, 0.3)
    process.kill()
    assert gone(deaf, 6.0)


def test_a_lab_that_ends_by_itself_leaves_nothing_to_do() -> None:
    """A group that was taken off is left alone, and closing takes no time."""
    leash = Leash()
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as kept:
        leash.add(kept.pid)
        leash.drop(kept.pid)
        began_s = time.monotonic()
        leash.close()
        assert time.monotonic() - began_s < 1.0
        assert not leash.alive()
        assert kept.poll() is None
        kept.kill()


def test_no_leash_no_task() -> None:
    """A process that cannot list itself does not become a task."""
    leash = Leash()
    os.kill(leash.pid, signal.SIGKILL)
    assert gone(leash.pid, 2.0)
    command = ["/bin/sh", "-c", SELF_LISTING, "sh", "echo", "I run"]
    found = subprocess.run(command, stdin=leash.pipe, capture_output=True, timeout=5, check=False)
    assert found.returncode != 0
    assert found.stdout == b""
    with pytest.raises(BrokenPipeError):
        leash.add(4711)
    leash.close()
