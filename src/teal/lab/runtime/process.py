"""One container: a process group with a bounded ear on its output."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from teal.lab.leash import SELF_LISTING, Leash
from teal.lab.runtime.images import CannotStartError
from teal.lab.runtime.output import Output

KILL_WAIT_S = 2.0  # how long a process may take to be gone after SIGKILL
_CHUNK_BYTES = 1 << 16
_CHUNKS_A_ROUND = 4  # a container that writes faster waits for the lab, not the other way round


class Process:
    """A running container.

    Args:
        name: the container's name.
        argv: its command line.
        environment: its whole environment.
        leash: who ends it when the lab cannot.

    Raises:
        CannotStartError: there is no such program.
    """

    def __init__(self, name: str, argv: Sequence[str], environment: Mapping[str, str], leash: Leash) -> None:
        if shutil.which(argv[0], path=environment.get("PATH")) is None:
            raise CannotStartError(f'CannotStartContainerError: exec: "{argv[0]}": executable file not found in $PATH')
        self.name = name
        self.output = Output()
        self.exit_code: int | None = None
        self.deaf = False
        self._leash = leash
        self._process = _started(["/bin/sh", "-c", SELF_LISTING, "sh", *argv], environment, leash.pipe)
        self._pipe = self._process.stdout
        os.set_blocking(self.fileno(), False)

    @property
    def pid(self) -> int:
        """The process, and its group."""
        return self._process.pid

    def fileno(self) -> int:
        """Return the file descriptor of its output."""
        if self._pipe is None:
            raise ValueError("a container without a pipe for its output")
        return self._pipe.fileno()

    def read(self) -> bool:
        """Take in what it wrote, as far as that is there and bounded; return False at the end of the file."""
        for _ in range(_CHUNKS_A_ROUND):
            try:
                chunk = os.read(self.fileno(), _CHUNK_BYTES)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            self.output.feed(chunk)
        return True

    def ended(self) -> bool:
        """Say whether the container has just ended. What it left running in its group ends with it."""
        returned = self._process.poll()
        if returned is None or self.exit_code is not None:
            return False
        self.exit_code = 128 - returned if returned < 0 else returned
        self.signal(signal.SIGKILL)
        self._leash.drop(self._process.pid)
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end; return whether it came in time."""
        try:
            self._process.wait(max(timeout_s, 0.0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        """Close the ear."""
        self.deaf = True
        if self._pipe is not None:
            self._pipe.close()


def _started(argv: Sequence[str], environment: Mapping[str, str], leash_pipe: int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - to run what the task definition says is the purpose
            argv,
            stdin=leash_pipe,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            bufsize=0,
        )
    except (OSError, ValueError) as error:
        raise CannotStartError(f"CannotStartContainerError: {error}") from error
