"""Servers on loopback that answer with exactly the bytes they are given."""

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Event, Thread

import pytest

Answer = bytes | Callable[[socket.socket], None]


@dataclass
class Wire:
    """A server that answers each connection in turn, the last answer for ever; remembers the requests."""

    port: int
    answers: list[Answer] = field(default_factory=list[Answer])
    requests: list[str] = field(default_factory=list[str])
    tls: ssl.SSLContext | None = None
    names: list[str | None] = field(default_factory=list[str | None])  # server names that clients asked for
    closed: Event = field(default_factory=Event)

    def serve(self, listening: socket.socket) -> None:
        """Answer until closed."""
        while not self.closed.is_set():
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(5)
            try:
                wrapped = self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
                with wrapped:
                    self._reply(wrapped)
            except OSError:
                return

    def _reply(self, connection: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request and (piece := connection.recv(65536)):
            request += piece
        self.requests.append(request.decode())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer(connection)
        else:
            connection.sendall(answer)


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Serve on a free port of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        server = Wire(port=listening.getsockname()[1])
        thread = Thread(target=server.serve, args=(listening,), daemon=True)
        thread.start()
        yield server
        server.closed.set()
        thread.join(2)
