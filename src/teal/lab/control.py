"""Labs from outside: bring one up, ask it, end it. Nothing here prints.

A lab is a detached process; its directory says where it is (see `teal.lab.state`) and its API what it does.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

import msgspec

import teal
from teal.errors import LabError
from teal.lab import state as disk
from teal.lab.asking import ask
from teal.lab.remains import clear
from teal.lab.settings import LabOptions, settle, write_settings

__all__ = ["LabOptions", "LabStatus", "down", "environment", "labs", "status", "unset", "up"]

_READY_S: Final = 20.0
_DOWN_S: Final = 15.0
_ENDING_S: Final = 0.5  # a process that is killed keeps its sockets until its last thread has gone
_POLL_S: Final = 0.02
_LOG_LINES: Final = 15
# How the C library of Linux shall keep the daemon's memory. A thread answers each connection, one at a time: heaps of
# their own would save the threads nothing, and each would keep what its busiest moment took. And what is large goes
# back when it is free, instead of leaving a gap that small things fill.
_ALLOCATOR: Final = ("MALLOC_ARENA_MAX=1", "MALLOC_MMAP_THRESHOLD_=131072")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabStatus:
    """A lab that answers."""

    name: str
    directory: Path
    url: str
    pid: int
    region: str
    network: int
    time_scale: float
    low_port_offset: int
    started_at_s: float
    versions: Mapping[str, str]
    tasks: int
    listeners: tuple[str, ...]  # host:port of each listener of a load balancer
    groups: tuple[str, ...]  # names of the target groups that are routed to
    events: int  # so far
    faults: int  # at work
    troubles: Mapping[str, str]  # part of the lab → what is wrong with it

    @property
    def log(self) -> Path:
        """Where its story is."""
        return disk.log_of(self.directory)


class _Now(msgspec.Struct, frozen=True, kw_only=True):
    tasks: int
    listeners: tuple[str, ...]
    groups: tuple[str, ...]
    events: int
    faults: int = 0
    troubles: dict[str, str]


class _Outcome(msgspec.Struct, frozen=True, kw_only=True):
    message: str
    hint: str = ""


def up(options: LabOptions) -> LabStatus:
    """Bring a lab up and wait until it answers.

    Raises:
        UsageError: options or `lab.yaml` are wrong.
        LabError: it did not come up; nothing of it is left.
    """
    settings = settle(options)
    directory = options.root / options.name
    with disk.alone(options.root, _READY_S):
        if (pid := disk.living_pid(directory)) is not None:
            raise LabError(f"lab '{options.name}' is up already (process {pid})", hint="`teal lab down` ends it")
        directory.mkdir(mode=0o700, exist_ok=True)
        clear(directory)
        write_settings(directory, settings)
        outcome = _start(directory)
        if outcome.message:
            _end_by_force(directory)
            raise LabError(outcome.message, hint=outcome.hint)
    found = status(options.root, options.name)
    if found is None:
        raise _failed(directory, "the lab ended as soon as it was up")
    return found


def _start(directory: Path) -> _Outcome:
    """Start the daemon of a directory; return what it says of itself when it is ready or cannot be."""
    log = disk.log_of(directory)
    with suppress(FileNotFoundError):
        log.replace(log.with_suffix(".log.1"))
    reader, writer = os.pipe()
    try:
        _spawn(directory, log, writer)
        os.close(writer)
        writer = -1
        said = _read_all(reader, time.monotonic() + _READY_S)
    finally:
        os.close(reader)
        if writer >= 0:
            os.close(writer)
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(said or b"", type=_Outcome)
    reason = f"no answer within {_READY_S:g} s" if said is None else "its process ended"
    failure = _failed(directory, f"the lab did not come up: {reason}")
    return _Outcome(message=failure.message, hint=failure.hint)


def _spawn(directory: Path, log: Path, ready: int) -> None:
    command = [sys.executable, "-m", "teal.lab.daemon", "--detach", "--directory", str(directory.absolute())]
    # The daemon can import what this process can, however that came to be; all else it inherits.
    path = [str(Path(teal.__file__).parents[1]), *filter(None, sys.path)]
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - a module of teal, in this interpreter
            ["/usr/bin/env", f"PYTHONPATH={os.pathsep.join(path)}", *_ALLOCATOR, *command, "--ready-fd", str(ready)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            pass_fds=(ready,),
            start_new_session=True,
        )
        process.wait(_READY_S)  # it detaches itself at once


def _read_all(reader: int, deadline_s: float) -> bytes | None:
    """Return all that comes through a pipe until it is closed; None when that takes too long."""
    said = b""
    while select.select([reader], [], [], max(deadline_s - time.monotonic(), 0))[0]:
        chunk = os.read(reader, 1 << 16)
        if not chunk:
            return said
        said += chunk
    return None


def _failed(directory: Path, what: str) -> LabError:
    log = disk.log_of(directory)
    return LabError(f"{what}\n{disk.tail(log, _LOG_LINES)}".rstrip(), hint=f"the whole story is in {log}")


def down(root: Path, name: str) -> bool:
    """End a lab and all that it started; return whether there was one, or something was left of one.

    Raises:
        LabError: it does not end, not even by force.
    """
    directory = root / name
    if disk.living_pid(directory) is None:
        return directory.is_dir() and _cleared(root, directory)
    ended = _ended(directory, name)
    clear(directory)
    return ended


def _cleared(root: Path, directory: Path) -> bool:
    """Clear away what a lab has left that did not end by itself; a lab that is just coming up is left alone."""
    with disk.alone(root, _READY_S):
        return disk.living_pid(directory) is None and clear(directory)


def _ended(directory: Path, name: str) -> bool:
    found = disk.read_state(directory)
    asked = found is not None and _asked_down(found)
    if asked and _gone(directory, _DOWN_S):
        return True
    _end_by_force(directory)
    if not _gone(directory, _DOWN_S):
        raise LabError(f"lab '{name}' does not end", hint=f"its process is {disk.living_pid(directory)}")
    return True


def _asked_down(found: disk.State) -> bool:
    try:
        ask(found, "POST", "/_teal/down")
    except LabError:
        return False
    return True


def _end_by_force(directory: Path) -> None:
    """Kill what holds a directory: its leash ends all that it started."""
    pid = disk.living_pid(directory)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    disk.remove_state(directory)


def _gone(directory: Path, timeout_s: float) -> bool:
    deadline_s = time.monotonic() + timeout_s
    while disk.living_pid(directory) is not None:
        if time.monotonic() > deadline_s:
            return False
        Event().wait(_POLL_S)
    return True


def status(root: Path, name: str) -> LabStatus | None:
    """Ask a lab how it is; None when there is none.

    Raises:
        LabError: there is one, and it does not answer.
    """
    directory = root / name
    found = disk.read_state(directory)
    if found is None:
        return None
    try:
        told = ask(found, "GET", "/_teal/status")
    except LabError:
        if _gone(directory, _ENDING_S):
            return None  # it ended while it was asked
        raise
    now = msgspec.json.decode(told, type=_Now)
    known = {key: value for key, value in msgspec.structs.asdict(found).items() if key not in {"token", "port"}}
    return LabStatus(directory=directory, url=found.url, **known, **msgspec.structs.asdict(now))


def labs(root: Path) -> tuple[str, ...]:
    """Return the names of the labs that live below `root`."""
    if not root.is_dir():
        return ()
    return tuple(sorted(each.name for each in root.iterdir() if each.is_dir() and disk.read_state(each) is not None))


def environment(found: LabStatus) -> dict[str, str]:
    """Return the environment that makes any client of AWS a client of this lab."""
    return disk.environment(found.url, found.region)


def unset() -> tuple[str, ...]:
    """Return the names of variables that would lead a client of the lab astray, or slow it down."""
    return ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_MAX_ATTEMPTS")
