"""What is left of a lab whose process and leash were both killed: it is found by its marks, and cleared away.

Every task carries the lab's directory in its environment, every Envoy has it on its command line. A process is told
apart by these marks and not by a number that was written down: numbers are given to others, marks are not. Only Linux
shows the environment of a process to its user, below /proc; elsewhere a lab killed together with its leash leaves its
processes behind.
"""

import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Final

from teal.errors import LabError
from teal.lab import state as disk

_MARK: Final = "TEAL_LAB_DIRECTORY"
_PROCESSES: Final = Path("/proc")
_CLEAR_S: Final = 5.0
_POLL_S: Final = 0.02


def mark(directory: Path) -> Mapping[str, str]:
    """Return what the tasks of a lab carry in their environment."""
    return {_MARK: str(directory)}


def clear(directory: Path) -> bool:
    """End the processes of a lab that is no more, and remove its files but for the log; return whether any ran.

    The caller makes sure that no daemon lives in the directory, and that none is coming up.

    Raises:
        LabError: a process does not end.
    """
    directory = directory.absolute()
    found = False
    deadline_s = time.monotonic() + _CLEAR_S
    while left := [pid for pid in _numbers() if _killed(pid, directory)]:
        found = True
        if time.monotonic() > deadline_s:
            raise LabError(f"processes of the lab in {directory} do not end: {left}", hint="`kill -9` them")
        Event().wait(_POLL_S)
    disk.remove_state(directory)
    shutil.rmtree(directory / "proxy", ignore_errors=True)
    return found


def _numbers() -> Iterator[int]:
    if _PROCESSES.is_dir():
        yield from (int(each.name) for each in _PROCESSES.iterdir() if each.name.isdecimal())


def _killed(pid: int, directory: Path) -> bool:
    """Kill a process if it carries the marks of a lab; return whether it did.

    The process is held by a descriptor before it is looked at, so that its number cannot become somebody else's.
    """
    try:
        held = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not _is_marked(pid, str(directory)):
            return False
        with suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(held, signal.SIGKILL)
        return True
    finally:
        os.close(held)


def _is_marked(pid: int, directory: str) -> bool:
    """Say whether a process is a task or an Envoy of the lab in a directory. What has ended has no marks."""
    with suppress(OSError):
        if f"{_MARK}={directory}" in _words(pid, "environ"):
            return True
        words = _words(pid, "cmdline")
        place = words.index("--config-path") + 1 if "--config-path" in words else len(words)
        return any(word.startswith(f"{directory}/proxy/") for word in words[place : place + 1])
    return False


def _words(pid: int, what: str) -> list[str]:
    return (_PROCESSES / str(pid) / what).read_bytes().decode(errors="replace").split("\0")
