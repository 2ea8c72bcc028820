"""Commands of the user's, as `teal.ports.Shell`.

A command runs in a process group of its own, and the group is its boundary: when it ends, when its time is up or when
teal is asked to stop, everything that it started and that still runs ends with it, first asked, then killed.
Of what it says the end is kept; the rest is read and dropped, so that a chatty command neither blocks nor fills memory.
"""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO, cast

from teal.ports import Clock, CommandResult

_OUTPUT_CHARACTERS = 4000
_OUTPUT_BYTES = 4 * _OUTPUT_CHARACTERS  # a character is at most four bytes
_CHUNK_BYTES = 65536
_GLANCE_S = 0.2
_GRACE_S = 1.0


class _Tail:
    """Reads a pipe to its end and keeps the last of it."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._kept = b""
        self._thread = Thread(target=self._read, name="output", daemon=True)
        self._thread.start()

    def text(self, wait_s: float) -> str:
        """Return what was kept, once the pipe has ended or `wait_s` have passed."""
        self._thread.join(wait_s)
        return self._kept.decode(errors="replace")[-_OUTPUT_CHARACTERS:]

    def _read(self) -> None:
        with self._pipe:
            while chunk := os.read(self._pipe.fileno(), _CHUNK_BYTES):
                self._kept = (self._kept + chunk)[-_OUTPUT_BYTES:]


class ProcessShell:
    """Runs commands with /bin/sh.

    Args:
        directory: where commands run: that of the configuration.
        environment: what every command finds in its environment, before its own variables.
        clock: tells the time, and whether to stop.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str], clock: Clock) -> None:
        self._directory = directory
        self._environment = environment
        self._clock = clock

    def run(self, command: str, environment: Mapping[str, str], timeout_s: float) -> CommandResult:
        """Run a command in the configuration's directory, and everything it started, until it ends or time is up."""
        try:
            process = self._start(command, environment)
        except OSError as exc:
            return CommandResult(exit_code=127, output=f"the command could not be started: {exc}")
        tail = _Tail(cast("IO[bytes]", process.stdout))
        exit_code = self._wait(process, timeout_s)
        _end(process)
        return CommandResult(exit_code=exit_code, output=tail.text(_GRACE_S))

    def _start(self, command: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - running the user's commands is what this is for
            ["/bin/sh", "-c", command],
            cwd=self._directory,
            env={**self._environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _wait(self, process: subprocess.Popen[bytes], timeout_s: float) -> int | None:
        """Return the exit code as a shell would tell it, or None when time is up or teal is asked to stop."""
        until_s = self._clock.now_s() + timeout_s
        while (left_s := until_s - self._clock.now_s()) > 0.0 and self._clock.stop_signal() is None:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(min(left_s, _GLANCE_S))
                return code if code >= 0 else 128 - code
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End all that is left of the process group."""
    _signal(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
    _signal(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)


def _signal(group: int, number: signal.Signals) -> None:
    # macOS says "not permitted" of a group whose members have all ended.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
