"""HTTP as a client sees it, as `teal.ports.Prober`.

A probe dials one address, says by which name it means it (Host, and server name for TLS), uses a fresh connection,
follows nothing, repeats nothing, and reads at most 64 KiB within its time. TLS is verified against the name.
"""

import socket
import ssl
from collections.abc import Mapping
from http.client import HTTPException
from ipaddress import ip_address

import urllib3
from urllib3.exceptions import HTTPError

from teal import __version__
from teal.ports import Clock, Reply, Request

_BODY_BYTES = 64 * 1024
_PIECE_BYTES = 8 * 1024


class HttpProber:
    """Probes over the network.

    Args:
        clock: bounds the time of a whole answer; the network's own timeouts bound single reads only.
        tls: what is trusted; None: what this computer trusts.
    """

    def __init__(self, clock: Clock, tls: ssl.SSLContext | None = None) -> None:
        self._clock = clock
        self._tls = tls

    def addresses(self, dns_name: str) -> tuple[str, ...]:
        """Return all addresses of a name; empty where it does not resolve."""
        try:
            found = socket.getaddrinfo(dns_name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return ()
        return tuple(sorted({str(address[0]) for *_, address in found}))

    def ask(self, request: Request) -> Reply:
        """Send a request; never raises for what the network does."""
        until_s = self._clock.now_s() + request.timeout_s
        try:
            with self._pool(request) as pool:
                response = pool.urlopen(
                    request.method,
                    request.path,
                    headers=_headers(request),
                    redirect=False,
                    retries=False,
                    preload_content=False,
                )
                try:
                    return self._reply(response, until_s)
                finally:
                    response.close()
        except (HTTPError, HTTPException, OSError, ValueError) as exc:
            return Reply(status=0, headers={}, body="", error=f"{type(exc).__name__}: {exc}")

    def _pool(self, request: Request) -> urllib3.HTTPConnectionPool:
        timeout = urllib3.Timeout(total=request.timeout_s)
        if not request.tls:
            return urllib3.HTTPConnectionPool(request.address, request.port, timeout=timeout)
        name = _server_name(request.host)
        return urllib3.HTTPSConnectionPool(
            request.address,
            request.port,
            timeout=timeout,
            ssl_context=self._tls or ssl.create_default_context(),
            server_hostname=name,
            assert_hostname=name,
        )

    def _reply(self, response: urllib3.BaseHTTPResponse, until_s: float) -> Reply:
        body = b""
        for _ in range(_BODY_BYTES):  # each turn reads at least one byte or is the last
            piece = response.read1(_PIECE_BYTES, decode_content=True)
            body += piece
            if not piece or len(body) >= _BODY_BYTES:
                headers = {name.lower(): response.headers[name] for name in response.headers}
                text = body[:_BODY_BYTES].decode(errors="replace")
                return Reply(status=response.status, headers=headers, body=text)
            if self._clock.now_s() > until_s:
                break
        return Reply(status=0, headers={}, body="", error="TimeoutError: the answer did not end in time")


def _headers(request: Request) -> Mapping[str, str]:
    told = {"User-Agent": f"teal/{__version__}", "Accept-Encoding": "identity", "Connection": "close"}
    own = {name.lower() for name in request.headers}
    return {
        "Host": request.host,
        **{name: value for name, value in told.items() if name.lower() not in own},
        **{name: value for name, value in request.headers.items() if name.lower() != "host"},
    }


def _server_name(host: str) -> str:
    """Return a host without its port."""
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        return host.partition(":")[0]
