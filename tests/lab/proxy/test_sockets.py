"""Connections of another process are ended from outside, where the system allows it."""

import os
import socket
import subprocess
import sys
from collections.abc import Collection

import pytest

from teal.lab.proxy.sockets import Address, Scissors, cut

CLIENT = """
import socket, sys
first, second = (socket.create_connection(("127.0.0.1", int(port))) for port in sys.argv[1:])
print("ended" if first.recv(9) == b"" else "not ended", second.recv(9).decode(), flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lends a parent the connections of its children")
def test_a_connection_is_ended() -> None:
    """The connections to the addresses given end, for the process and for the other side; all others live on."""
    with socket.create_server(("127.0.0.1", 0)) as ended, socket.create_server(("127.0.0.1", 0)) as kept:
        ports = [str(each.getsockname()[1]) for each in (ended, kept)]
        with subprocess.Popen([sys.executable, "-c", CLIENT, *ports], stdout=subprocess.PIPE, text=True) as client:
            far, other = (each.accept()[0] for each in (ended, kept))
            with far, other:
                assert cut(client.pid, {ended.getsockname()}) == 1
                assert far.recv(9) == b""
                other.sendall(b"alive")
                said, _ = client.communicate(timeout=20)
        assert said.split() == ["ended", "alive"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lends a parent the connections of its children")
def test_a_cut_makes_no_paths() -> None:
    """A `Path` interns its parts; thousands of new ones with each cut would wear the memory of the lab out."""
    called: set[str] = set()
    with socket.create_server(("127.0.0.1", 0)) as server:
        sys.setprofile(lambda frame, *_: called.add(frame.f_code.co_filename))
        try:
            assert cut(os.getpid(), {server.getsockname()}) == 0
        finally:
            sys.setprofile(None)
    assert {name.rpartition("/")[2] for name in called} >= {"sockets.py"}
    assert not any("pathlib" in name for name in called)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(1, "Operation not permitted"), 1),
        (OSError("only Linux"), 1),
        (ProcessLookupError(3, "No such process"), 0),
        (FileNotFoundError(2, "No such file"), 0),
    ],
)
def test_what_cannot_be_cut_is_told_once(error: OSError, told: int) -> None:
    """A system that does not allow it is told once; a process that has ended is nothing to tell."""
    log: list[str] = []

    def fail(_pid: int, _addresses: Collection[Address]) -> int:
        raise error

    scissors = Scissors(log=log.append, end=fail)
    for _ in range(3):
        scissors.cut(1, {("127.0.0.1", 1)})
    assert len(log) == told
    assert all("deregistration delay" in line for line in log)
