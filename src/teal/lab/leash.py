"""Nothing survives the lab: a second process that ends what the lab started, when the lab cannot.

    lab ──pipe──► leash      +4711   group 4711 runs
                             -4711   group 4711 has ended
                             (end of file: nobody holds the pipe any more, so the lab is gone, however it went)

On the end of the file every process group still listed gets SIGTERM, and SIGKILL a little later; then the leash ends.

A group must be on the list before it can do anything. A process that is put there by its parent after the fork is not,
when the parent is killed in between. So tasks list themselves: `SELF_LISTING` is a shell program that begins with the
pipe as its standard input, writes its own number, gives the pipe up and becomes the program of the task. While it has
not, it holds the pipe open itself, so the leash waits for the line.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

# Standard input is the pipe to the leash: fd 0 may be written to. Without a leash there is no task.
SELF_LISTING: Final = 'echo "+$$" >&0 || exit 125; exec "$@" </dev/null'
TERM_S: Final = 2.0
_POLL_S: Final = 0.05
_READY_S: Final = 5.0
_CLOSE_S: Final = TERM_S + 3.0
_FIRST_GROUP: Final = 2  # killpg(1) would be kill(-1), everything this user may kill; killpg(0) the leash itself


class Leash:
    """The lab's end of the pipe. When the leash is gone, `add` raises BrokenPipeError.

    The other end is this file, run without site-packages, so that it starts in a few milliseconds.
    """

    def __init__(self) -> None:
        reader, self._pipe = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this file, in this interpreter
                [sys.executable, "-I", "-S", __file__],
                stdin=reader,
                stdout=subprocess.PIPE,
                start_new_session=True,  # whoever signals the lab's group does not reach it
            )
        finally:
            os.close(reader)
        self._wait_ready()

    @property
    def pid(self) -> int:
        """The process at the other end."""
        return self._process.pid

    @property
    def pipe(self) -> int:
        """The file descriptor that a self-listing process gets as its standard input."""
        return self._pipe

    def add(self, group: int) -> None:
        """Put a process group on the list."""
        self._tell(f"+{group}\n")

    def drop(self, group: int) -> None:
        """Take a process group off the list: it has ended."""
        with suppress(BrokenPipeError):  # no list, nothing to take off
            self._tell(f"-{group}\n")

    def alive(self) -> bool:
        """Say whether the other end still listens."""
        return self._process.poll() is None

    def close(self) -> None:
        """Let go: what is still listed is ended, then the leash ends."""
        with suppress(OSError):
            os.close(self._pipe)
        try:
            self._process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_CLOSE_S)

    def _wait_ready(self) -> None:
        """Wait until no signal but SIGKILL can end the other end any more."""
        said = self._process.stdout
        if said is not None:
            select.select([said], [], [], _READY_S)
            said.close()

    def _tell(self, line: str) -> None:
        os.write(self._pipe, line.encode())


def read_groups(lines: Iterable[bytes]) -> set[int]:
    """Return the groups still listed at the end of the lines. A line that makes no sense is passed over."""
    groups: set[int] = set()
    for line in lines:
        sign, digits = line[:1], line[1:].strip()
        if not digits.isdigit() or int(digits) < _FIRST_GROUP:
            continue
        if sign == b"+":
            groups.add(int(digits))
        elif sign == b"-":
            groups.discard(int(digits))
    return groups


def end_groups(groups: Iterable[int], term_s: float = TERM_S) -> None:
    """End process groups: SIGTERM, then SIGKILL for those that still have a process after `term_s`."""
    left = {group for group in groups if _signalled(group, signal.SIGTERM)}
    deadline_s = time.monotonic() + term_s
    while left and time.monotonic() < deadline_s:
        select.select((), (), (), _POLL_S)
        left = {group for group in left if _signalled(group, 0)}
    for group in left:
        _signalled(group, signal.SIGKILL)


def _signalled(group: int, number: int) -> bool:
    """Signal a group; return whether it has a process."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main() -> None:
    """Hold the leash until the pipe closes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # closes the pipe that the lab waits at
    end_groups(read_groups(sys.stdin.buffer))


if __name__ == "__main__":
    main()
