"""What connections live through: a kept one meets the rules of the moment, an upgraded one keeps its target."""

import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Thread

import pytest

from lab.proxy.stage import BALANCER, Stage, fixed, forward, group, host, target, until

pytestmark = pytest.mark.lab
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def listening(host: str, talk: Callable[[socket.socket, bytes], None]) -> Generator[None]:
    """Answer health checks at port 8080 of `host`; every other request is `talk`'s affair."""
    with socket.create_server((host, 8080)) as server:

        def converse(connection: socket.socket) -> None:
            with connection:
                request = connection.recv(4096)
                if b"/health" in request:
                    connection.sendall(OK)
                else:
                    talk(connection, request)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                Thread(target=converse, args=(connection,), daemon=True).start()

        Thread(target=serve, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)


def test_a_kept_connection_meets_new_rules(stage: Stage) -> None:
    """Every request on a connection is judged by the rules of its moment, and the connection is kept."""
    stage.show((), fixed("old"))
    until(lambda: stage.settled(body="old"), "old")
    connection = HTTPConnection(BALANCER, stage.port, timeout=10)

    def said() -> str:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()

    assert said() == "old"
    kept = connection.sock
    stage.show((), fixed("new"))
    until(lambda: said() == "new", "new")
    assert connection.sock is kept
    connection.close()


def test_a_websocket_stays(stage: Stage) -> None:
    """An upgraded connection stays with its target when the rule leads elsewhere and its group is in no rule."""

    def shout(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while heard := connection.recv(4096):
            connection.sendall(heard.upper())

    with listening(host(1), shout):
        stage.show((group("blue", target("t", host(1), 8080)),), forward(("blue", 1)))
        until(lambda: stage.all_states("healthy") and stage.settled("/health", status=200), "healthy")
        with socket.create_connection((BALANCER, stage.port), 10) as client:
            client.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 101")
            stage.show((), fixed("flipped"))
            until(lambda: stage.settled(body="flipped"), "flipped")
            client.sendall(b"still there")
            assert client.recv(4096) == b"STILL THERE"


def test_nonsense_is_502(stage: Stage) -> None:
    """A target that answers something else than HTTP makes it a 502; an answer that breaks off ends the connection."""

    def talk(connection: socket.socket, request: bytes) -> None:
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
        connection.sendall(half if b"/half" in request else b"220 mail.example ESMTP\r\n\r\n")

    with listening(host(1), talk):
        stage.show((group("blue", target("t", host(1), 8080)),), forward(("blue", 1)))
        until(lambda: stage.all_states("healthy") and stage.settled("/health", status=200), "healthy")
        got = stage.ask("/nonsense")
        assert (got.status, got.headers["server"]) == (502, "awselb/2.0")
        with socket.create_connection((BALANCER, stage.port), 10) as client:
            client.sendall(b"GET /half HTTP/1.1\r\nHost: x\r\n\r\n")
            read = b"".join(iter(lambda: client.recv(4096), b""))
        assert read.endswith(b"\r\n\r\nhalf")


def test_a_target_that_takes_no_connection_is_504(stage: Stage) -> None:
    """A connection that comes to nothing for 10 s is a 504."""
    with socket.create_server((host(1), 8080), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        stage.show((group("blue", target("t", host(1), 8080)),), forward(("blue", 1)))
        until(lambda: stage.all_states("unhealthy"), "unhealthy")
        connection = HTTPConnection(BALANCER, stage.port, timeout=60)
        connection.request("GET", "/")
        assert connection.getresponse().status == 504
        connection.close()
        for each in waiting:
            each.close()
