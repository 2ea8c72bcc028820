"""Connections of another process, ended from outside: the forced cut at the end of a deregistration delay.

Envoy lets open requests finish however long they take and has no switch against it, neither for a target nor for a
cluster. But Linux gives a parent copies of the descriptors of its children (`pidfd_getfd`, since 5.6), and a connection
that is shut down through a copy ends for Envoy as if the target had ended it: 502 where no answer has begun, and the
end of the client's connection where one has.
"""

import ctypes
import errno
import os
import socket
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from stat import S_ISSOCK

_PIDFD_GETFD = 438  # the number of the system call, the same on every architecture that Linux has had since 2019
_LIBC = ctypes.CDLL(None, use_errno=True)
Address = tuple[str, int]


def cut(pid: int, addresses: Collection[Address]) -> int:
    """End all TCP connections of a process to some addresses; return how many there were.

    Raises:
        OSError: this system does not let us, or there is no such process.
    """
    with _opened(pid) as process:
        copies = (_copy(process, number) for number in _sockets(pid))
        return sum(_shut(copy, addresses) for copy in copies if copy is not None)


@dataclass(slots=True, kw_only=True)
class Scissors:
    """Cuts where the system allows it, and says once when it does not."""

    log: Callable[[str], None]
    end: Callable[[int, Collection[Address]], int] = cut
    _said: bool = False

    def cut(self, pid: int, addresses: Collection[Address]) -> None:
        """End all TCP connections of a process to some addresses."""
        try:
            self.end(pid, addresses)
        except (ProcessLookupError, FileNotFoundError):
            return  # it has ended just now, and every connection with it
        except OSError as error:
            if not self._said:
                self.log(f"open requests are not cut off at the end of a deregistration delay: {error}")
            self._said = True


@contextmanager
def _opened(pid: int) -> Generator[int]:
    if not hasattr(os, "pidfd_open"):
        raise OSError("only Linux gives a parent the connections of its children")
    process = os.pidfd_open(pid)
    try:
        yield process
    finally:
        os.close(process)


def _sockets(pid: int) -> Iterator[int]:
    """Return the numbers of the descriptors of a process that are sockets.

    No `Path` is made here. It would intern each of its parts, thousands of new ones at each cut, and the interpreter's
    table of such texts, a megabyte, would be made anew and anew until there is no whole megabyte left in between.
    """
    with os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            try:
                if S_ISSOCK(entry.stat().st_mode):
                    yield int(entry.name)
            except FileNotFoundError:
                continue  # closed since


def _copy(process: int, number: int) -> socket.socket | None:
    """Return a copy of a descriptor of another process; None when it has been closed since."""
    copied: int = _LIBC.syscall(_PIDFD_GETFD, process, number, 0)
    if copied >= 0:
        return socket.socket(fileno=copied)
    code = ctypes.get_errno()
    if code == errno.EBADF:
        return None
    raise OSError(code, os.strerror(code))


def _shut(copy: socket.socket, addresses: Collection[Address]) -> bool:
    """End a connection if it leads to one of some addresses, and close the copy; say whether it did."""
    with copy:
        try:
            if copy.family != socket.AF_INET or copy.getpeername() not in addresses:
                return False
            copy.shutdown(socket.SHUT_RDWR)
        except OSError:
            return False  # it listens, or has ended by itself
        return True
