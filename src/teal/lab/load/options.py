"""What the load client is asked to do. It talks to this machine only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from teal.errors import UsageError

_HTTP_PORT = 80
_EVERYTHING_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What kinds of requests there are, besides plain ones on kept connections."""

    new_connections_percent: int = 10  # the share of requests that open a connection of their own
    slow_per_s: float = 0.0  # extra requests to `/slow?seconds=…`
    slow_seconds: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """A load: open loop, so requests are sent at their time whether or not earlier ones were answered."""

    url: str
    rate_per_s: float = 100.0
    duration_s: float = 10.0
    max_requests: int | None = None
    host_header: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    mix: Mix = field(default_factory=Mix)
    slot_header: str = "X-Revision"  # answers are counted by the value of this header
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what cannot be or must not be."""
        loopback_of(self.url)
        if self.rate_per_s <= 0 or self.duration_s <= 0 or self.timeout_s <= 0:
            raise UsageError("rate, duration and timeout must be greater than zero")
        if not 0 <= self.mix.new_connections_percent <= _EVERYTHING_PERCENT or self.mix.slow_per_s < 0:
            raise UsageError("the share of new connections is 0 to 100 per cent, and the slow rate is not negative")
        for text in (self.host_header, *self.headers, *self.headers.values()):
            if not text.isascii() or not text.replace(" ", "").replace("\t", "").isprintable():
                raise UsageError(f"{text!r} cannot stand in a header")

    def target(self) -> tuple[str, int]:
        """Return the address to connect to."""
        parts = urlsplit(self.url)
        return loopback_of(self.url), parts.port or _HTTP_PORT


def loopback_of(url: str) -> str:
    """Return the loopback address that a URL names; UsageError for any other."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"{url}: {error}") from error
    if parts.scheme != "http":
        raise UsageError(f"{url}: the load client speaks http only")
    if host == "localhost":
        return "127.0.0.1"
    try:
        inside = ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise UsageError(f"{url}: the load client talks to loopback addresses only (127.0.0.0/8, ::1)")
    return host
