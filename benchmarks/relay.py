"""A relay between an AWS client and a lab's API, which sees every call twice and may spoil it.

    client ──► relay ──► lab
                 │  before: nothing has been applied yet
                 │  after:  applied, and the answer is still here

What to do with a call is asked of one function, in the order in which calls come in, under a lock.
"""

import os
import signal
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread, local
from typing import Any, cast
from urllib.parse import urlsplit

from benchmarks.calls import GARBAGE, REFUSALS, Call, Decide, Deed, pass_all, refusal

_TIMEOUT_S = 30.0
_JOIN_S = 5.0
_DROPPED = {"connection", "content-length", "transfer-encoding", "date", "server"}


class Relay:
    """A relay in front of `endpoint_url`. `client` is the process that a deed kills."""

    def __init__(self, endpoint_url: str) -> None:
        where = urlsplit(endpoint_url)
        self.decide: Decide = pass_all
        self.client: int | None = None
        self._server = _Server((where.hostname or "", where.port or 80), self._asked)
        self._lock = Lock()
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The endpoint for clients."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join(_JOIN_S)
        self._server.server_close()

    def kill(self) -> None:
        """Kill the client, as the kernel or a person would."""
        if self.client is not None:
            with suppress(ProcessLookupError):
                os.kill(self.client, signal.SIGKILL)

    def _asked(self, call: Call) -> tuple[Deed, Callable[[], None]]:
        with self._lock:
            return self.decide(call), self.kill


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, lab: tuple[str, int], asked: Callable[[Call], tuple[Deed, Callable[[], None]]]) -> None:
        self.lab = lab
        self.asked = asked
        self.ways = local()
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base class has it
        """Say nothing: clients are killed in the middle of their requests here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def do_GET(self) -> None:
        self._relay()

    def do_POST(self) -> None:
        self._relay()

    @property
    def _server(self) -> _Server:
        return cast("_Server", self.server)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - as the base class has it
        """Say nothing."""

    def _relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        call = Call.heard({name.lower(): value for name, value in self.headers.items()}, body)
        deed, kill = self._server.asked(call)
        if deed is Deed.KILL_BEFORE:
            kill()
        if deed in {Deed.KILL_BEFORE, Deed.REFUSE}:
            self._reset()
        elif deed in REFUSALS:
            self._say(deed, query="X-Amz-Target" not in self.headers)
        else:
            self._forward(deed, body, kill)

    def _forward(self, deed: Deed, body: bytes, kill: Callable[[], None]) -> None:
        status, headers, answer = self._ask(body)
        if deed is Deed.KILL_AFTER:
            kill()
        if deed in {Deed.KILL_AFTER, Deed.LOSE}:
            self._reset()
            return
        if deed is Deed.GARBLE:
            status, answer = 200, GARBAGE
        whole = len(answer)
        self._send(status, headers, answer[: whole // 2] if deed is Deed.TRUNCATE else answer, length=whole)
        if deed is Deed.TRUNCATE:
            self._reset()

    def _ask(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """Ask the lab over a connection that this thread keeps."""
        way = getattr(self._server.ways, "way", None)
        if way is None:
            way = self._server.ways.way = HTTPConnection(*self._server.lab, timeout=_TIMEOUT_S)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _DROPPED}
        try:
            way.request(self.command, self.path, body=body, headers=headers)
            answer = way.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        except (OSError, HTTPException):
            way.close()
            raise

    def _say(self, deed: Deed, *, query: bool) -> None:
        status, kind, answer = refusal(deed, query=query)
        self._send(status, {"Content-Type": kind}, answer, length=len(answer))

    def _send(self, status: int, headers: Mapping[str, str], answer: bytes, *, length: int) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _DROPPED:
                self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(answer)
        self.wfile.flush()

    def _reset(self) -> None:
        """Reset the connection: the client sees an error, not an end."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
