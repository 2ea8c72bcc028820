"""A relay between an AWS client and a lab's API, which sees every call twice and may spoil it.

    client ──► relay ──► lab
                 │  before: nothing has been applied yet
                 │  after:  applied, and the answer is still here

What to do with a call is asked of one function, in the order in which calls come in, under a lock. The relay knows
nothing of teal: it reads the operation off the wire, as any proxy could.
"""

import os
import re
import signal
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread, local
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

_TIMEOUT_S = 30.0
_JOIN_S = 5.0
_DROPPED = {"connection", "content-length", "transfer-encoding", "date", "server"}
_READS = ("Describe", "List", "Get")


class Deed(StrEnum):
    """What the relay does with a call."""

    PASS = "pass"  # noqa: S105 - not a secret
    KILL_BEFORE = "kill before"  # the client dies, nothing is applied
    KILL_AFTER = "kill after"  # it is applied, the client dies before it hears of it
    THROTTLE = "throttle"
    ERROR_500 = "500"
    ERROR_503 = "503"
    REFUSE = "connection reset, nothing applied"
    LOSE = "applied, answer lost"
    TRUNCATE = "applied, answer cut short"
    GARBLE = "applied, answer garbled with status 200"
    EXPIRED = "expired credentials"
    DENIED = "access denied"


FAULTS = tuple(deed for deed in Deed if deed not in {Deed.PASS, Deed.KILL_BEFORE, Deed.KILL_AFTER})
_ANSWERS: Mapping[Deed, tuple[int, str, str]] = {
    Deed.THROTTLE: (400, "ThrottlingException", "Rate exceeded"),
    Deed.ERROR_500: (500, "InternalFailure", "An internal error occurred"),
    Deed.ERROR_503: (503, "ServiceUnavailable", "Service is unavailable"),
    Deed.EXPIRED: (403, "ExpiredTokenException", "The security token included in the request is expired"),
    Deed.DENIED: (403, "AccessDeniedException", "User is not authorized to perform this operation"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of a client."""

    operation: str
    body: bytes

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.operation.startswith(_READS)

    @property
    def digest(self) -> str:
        """Short text that is equal for equal requests."""
        return sha256(self.body).hexdigest()[:12]


Decide = Callable[[Call], Deed]


def pass_all(_: Call) -> Deed:
    """Spoil nothing."""
    return Deed.PASS


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
        call = Call(operation=_operation(self.headers.get("X-Amz-Target"), body), body=body)
        deed, kill = self._server.asked(call)
        if deed is Deed.KILL_BEFORE:
            kill()
        if deed in {Deed.KILL_BEFORE, Deed.REFUSE}:
            self._reset()
        elif deed in _ANSWERS:
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
            status, answer = 200, b"\xff<<not an answer>>"
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
        status, code, message = _ANSWERS[deed]
        if query:
            text = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            kind, answer = "text/xml", f"{text}<RequestId>relay</RequestId></ErrorResponse>".encode()
        else:
            kind, answer = "application/x-amz-json-1.1", f'{{"__type": "{code}", "message": "{message}"}}'.encode()
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


def _operation(target: str | None, body: bytes) -> str:
    """Return the operation of a request: ECS names it in a header, ELBv2 in its body."""
    if target is not None:
        return target.rpartition(".")[2]
    found = dict(parse_qsl(body.decode("utf-8", "replace"))).get("Action", "")
    return found if re.fullmatch(r"\w+", found) else "unknown"
