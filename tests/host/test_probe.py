"""Probes over real sockets."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from gzip import compress
from pathlib import Path
from typing import Any

import pytest

from host.conftest import Wire
from teal import __version__
from teal.host.clock import SystemClock
from teal.host.probe import HttpProber
from teal.ports import Reply, Request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Revision: 42\r\n\r\nfine"


@pytest.fixture
def clock() -> Iterator[SystemClock]:
    """Give a clock, and close it."""
    made = SystemClock()
    yield made
    made.close()


def _request(wire: Wire, **parts: Any) -> Request:  # noqa: ANN401 - fields of a request
    usual = Request(
        address="127.0.0.1",
        port=wire.port,
        tls=False,
        host="shop.example",
        path="/health?x=1",
        headers={"X-Teal-Taste": "abc"},
        timeout_s=2.0,
    )
    return replace(usual, **parts)


def test_request_and_reply(wire: Wire, clock: SystemClock) -> None:
    """The address is dialled, the host is meant, headers are sent as given; the reply has lower-case names."""
    wire.answers = [OK]
    reply = HttpProber(clock).ask(_request(wire))
    assert reply == Reply(status=200, headers={"content-length": "4", "x-revision": "42"}, body="fine")
    (request,) = wire.requests
    assert request.startswith("GET /health?x=1 HTTP/1.1\r\n")
    assert "Host: shop.example\r\n" in request
    assert request.count("Host:") == 1
    assert "X-Teal-Taste: abc\r\n" in request
    assert f"User-Agent: teal/{__version__}\r\n" in request


def test_own_headers_win(wire: Wire, clock: SystemClock) -> None:
    """A user agent of the user's replaces teal's; the host is always the route's."""
    wire.answers = [OK]
    HttpProber(clock).ask(_request(wire, method="HEAD", headers={"user-agent": "me", "host": "evil.example"}))
    assert "user-agent: me\r\n" in wire.requests[0]
    assert "teal/" not in wire.requests[0]
    assert "evil" not in wire.requests[0]


@pytest.mark.parametrize("status", [301, 302, 307, 404, 500, 503])
def test_one_answer_is_the_answer(wire: Wire, clock: SystemClock, status: int) -> None:
    """Redirects are not followed and errors are not repeated."""
    wire.answers = [f"HTTP/1.1 {status} X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".encode()]
    assert HttpProber(clock).ask(_request(wire)).status == status
    assert len(wire.requests) == 1


def test_fresh_connection_each_time(wire: Wire, clock: SystemClock) -> None:
    """Each question has a connection of its own."""
    wire.answers = [OK, OK.replace(b"42", b"43")]
    prober = HttpProber(clock)
    assert [prober.ask(_request(wire)).headers["x-revision"] for _ in range(2)] == ["42", "43"]


def test_body_is_cut(wire: Wire, clock: SystemClock) -> None:
    """Of a body without end the first 64 KiB are read."""

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100):
            connection.sendall(b"x" * 65536)

    wire.answers = [endless]
    reply = HttpProber(clock).ask(_request(wire))
    assert (reply.status, len(reply.body)) == (200, 65536)


def test_compressed_body(wire: Wire, clock: SystemClock) -> None:
    """A body that is compressed although nobody asked for it is read, and no bomb is unpacked."""
    packed = compress(b"a" * 10_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    wire.answers = [head + packed]
    assert HttpProber(clock).ask(_request(wire)).body == "a" * 65536


def test_dripping_answer(wire: Wire, clock: SystemClock) -> None:
    """An answer that drips byte by byte ends with its time."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b"x")
            wire.closed.wait(0.05)

    wire.answers = [drip]
    before_s = clock.now_s()
    reply = HttpProber(clock).ask(_request(wire, timeout_s=0.4))
    assert (reply.status, reply.error) == (0, "TimeoutError: the answer did not end in time")
    assert clock.now_s() - before_s < 2


FAILURES: dict[str, bytes] = {
    "silence": b"",
    "not HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    "bad chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "bad compression": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nzzzz",
}


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES)
def test_broken_answers(wire: Wire, clock: SystemClock, answer: bytes) -> None:
    """Whatever the network does is told, not raised."""
    wire.answers = [answer]
    reply = HttpProber(clock).ask(_request(wire))
    assert (reply.status, reply.body) == (0, "")
    assert reply.error


NONSENSE: dict[str, dict[str, Any]] = {
    "an address that is none": {"address": "not an address"},
    "a port where nobody is": {"port": 1},
    "a header that breaks the line": {"headers": {"X-A": "b\r\nX-Evil: 1"}},
    "a host that breaks the line": {"host": "a\r\nb"},
    "a method that breaks the line": {"method": "GET / HTTP/1.1\r\nX: "},
}


@pytest.mark.parametrize("parts", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_not_sent(wire: Wire, clock: SystemClock, parts: dict[str, Any]) -> None:
    """What cannot be sent is told, not raised."""
    wire.answers = [OK]
    assert HttpProber(clock).ask(_request(wire, **parts)).error
    assert not any("Evil" in request for request in wire.requests)


def test_time_is_up(wire: Wire, clock: SystemClock) -> None:
    """A server that takes the request and says nothing is given up in time."""

    def silent(_: socket.socket) -> None:
        wire.closed.wait(3)

    wire.answers = [silent]
    before_s = clock.now_s()
    assert "ReadTimeout" in HttpProber(clock).ask(_request(wire, timeout_s=0.2)).error
    assert clock.now_s() - before_s < 1.5


def test_addresses(clock: SystemClock) -> None:
    """Names resolve to their addresses, each once; what does not resolve has none."""
    prober = HttpProber(clock)
    assert "127.0.0.1" in prober.addresses("localhost")
    assert prober.addresses("127.0.0.7") == ("127.0.0.7",)
    assert prober.addresses("nowhere.invalid") == ()
    assert prober.addresses("a" * 300) == ()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for shop.example."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    made = tmp_path_factory.mktemp("tls") / "both.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "1", "-subj", "/CN=shop.example", "-addext", "subjectAltName=DNS:shop.example"]
    subprocess.run(
        [*command, "-keyout", f"{made}.key", "-out", f"{made}.crt"], check=True, capture_output=True, timeout=20
    )
    made.write_text(Path(f"{made}.key").read_text() + Path(f"{made}.crt").read_text())
    return made


@pytest.mark.parametrize(("host", "status"), [("shop.example", 200), ("shop.example:8443", 200), ("other.example", 0)])
def test_tls_is_verified_by_name(wire: Wire, clock: SystemClock, certificate: Path, host: str, status: int) -> None:
    """The certificate must be trusted and speak for the host, whatever address is dialled; SNI names the host."""
    wire.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    wire.tls.load_cert_chain(certificate)
    wire.tls.sni_callback = lambda _socket, name, _context: wire.names.append(name)
    wire.answers = [OK]
    trust = ssl.create_default_context(cafile=f"{certificate}.crt")
    assert HttpProber(clock, trust).ask(_request(wire, tls=True, host=host)).status == status
    assert wire.names == [host.partition(":")[0]]


def test_unknown_certificates_are_refused(wire: Wire, clock: SystemClock, certificate: Path) -> None:
    """Without being told otherwise, only what this computer trusts is trusted."""
    wire.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    wire.tls.load_cert_chain(certificate)
    wire.answers = [OK]
    assert "certificate verify failed" in HttpProber(clock).ask(_request(wire, tls=True)).error
