"""The HTTP server: loopback only, one thread per connection, connections kept open.

A name that resolves to 127.0.0.1 lets a web page talk to any server on this machine as if it were its own. So a
request is answered only when it was addressed to loopback by a loopback name.
"""

import socket
import socketserver
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import ClassVar, cast

from teal.errors import LabError
from teal.lab.front.wire import Reply, Request

_HOST = "127.0.0.1"
_MOST_BYTES = 8 << 20
_IDLE_S = 600.0
_CLOSE_S = 5.0
_LOOPBACK_NAMES = ("127.", "localhost", "[::1]")
_Answer = Callable[[Request], Reply]


class Door:
    """A listening server.

    Args:
        port: 0 for any free one.
        answer: answers a request; must not raise.
        headers: headers of every answer.

    Raises:
        LabError: the port is taken.
    """

    def __init__(self, *, port: int, answer: _Answer, headers: Mapping[str, str]) -> None:
        try:
            self._server = _Server((_HOST, port), answer, headers)
        except OSError as error:
            raise LabError(
                f"port {port} on {_HOST} cannot be opened: {error.strerror}",
                hint=f"`lsof -i :{port}` says who has it; `--port` takes another one",
            ) from error
        self._thread = Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="door", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that is open."""
        return int(self._server.server_address[1])

    def open(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering and close the port. Requests being answered are finished by their own threads."""
        if self._thread.is_alive():  # a server that never served would wait for itself
            self._server.shutdown()
            self._thread.join(_CLOSE_S)
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], answer: _Answer, headers: Mapping[str, str]) -> None:
        self.answer = answer
        self.headers = headers
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "teal-lab"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 1 << 13  # headers and most bodies leave in one write; every open connection has such a buffer
    timeout: ClassVar[float | None] = _IDLE_S

    def __init__(self, connection: socket.socket, peer: object, server: socketserver.BaseServer) -> None:
        with suppress(ConnectionError):  # how a client goes away is no news
            super().__init__(connection, peer, server)

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    do_PUT = do_DELETE = do_PATCH = do_HEAD = do_POST  # noqa: N815 - likewise

    def _serve(self) -> None:
        size = self._size()
        if size is None:
            self.close_connection = True
            self._send(_plain(413, "the body needs a Content-Length of at most 8 MiB"))
        elif not self.headers.get("Host", _HOST).startswith(_LOOPBACK_NAMES):
            self.close_connection = True
            self._send(_plain(403, "the lab answers on loopback only"))
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(size)
            request = Request(method=self.command, path=self.path, headers=headers, body=body)
            self._send(cast("_Server", self.server).answer(request))

    def _size(self) -> int | None:
        """Return the length of the body, None when it is not known or too large."""
        text = self.headers.get("Content-Length", "0").strip()
        if "Transfer-Encoding" in self.headers or not (text.isdecimal() and text.isascii()):
            return None
        return int(text) if len(text) < len(str(_MOST_BYTES)) + 1 and int(text) <= _MOST_BYTES else None

    def _send(self, reply: Reply) -> None:
        if reply.lost:
            self.close_connection = True
            return
        self.send_response_only(reply.status)
        every = cast("_Server", self.server).headers
        own = {
            "Server": self.server_version,
            "Date": self.date_time_string(),
            "Content-Type": reply.content_type,
            "Content-Length": str(len(reply.body)),
        }
        for name, value in {**own, **every, **reply.headers}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        self.wfile.flush()


def _plain(status: int, message: str) -> Reply:
    return Reply(status=status, content_type="text/plain", body=f"{message}\n".encode())
