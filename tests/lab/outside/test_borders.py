"""What a lab opens to others, and what is left of it."""

import os
import signal
import socket

import psutil
import pytest

from lab.outside.town import PORT, Town, until
from teal.lab import control
from teal.lab.control import LabOptions

pytestmark = pytest.mark.lab


def members(town: Town) -> list[psutil.Process]:
    """Return the processes of a lab."""
    daemon = psutil.Process(town.lab.pid)
    return [daemon, *daemon.children(recursive=True)]


def alive(process: psutil.Process) -> bool:
    """Say whether a process lives; a zombie does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_loopback_only_and_nothing_is_left(town: Town) -> None:
    """Every open port is on loopback; 5 s after `kill -9` nothing is left, and the next lab of the name works."""
    town.build("web")
    town.serve("web", town.define({"REVISION": "one"}))
    town.stable("web")
    family = members(town)
    opened = [each.laddr for one in family for each in one.net_connections("inet") if not each.raddr]
    assert len({each.port for each in opened}) >= 3  # the API, the claim of the network, the sample or the listener
    assert {each.ip.split(".")[0] for each in opened} == {"127"}
    assert (town.host, PORT) in {(each.ip, each.port) for each in opened}
    os.kill(town.lab.pid, signal.SIGKILL)
    until(lambda: not any(map(alive, family)), "all of it has ended", within_s=5)
    for each in opened:
        with socket.socket() as probe:
            assert probe.connect_ex((each.ip, each.port)) != 0
    again = control.up(
        LabOptions(root=town.lab.directory.parent, port=int(town.lab.url.rpartition(":")[2]), time_scale=0.02)
    )
    assert (again.pid != town.lab.pid, again.tasks, again.listeners) == (True, 0, ())
    assert control.down(town.lab.directory.parent, again.name)
    assert control.labs(town.lab.directory.parent) == ()
