"""HTTP/1.1 as the load client speaks it: one request, one answer, and exactly what went wrong in between."""

import asyncio
import select
from collections.abc import Mapping
from dataclasses import dataclass

_BODILESS = {204, 304}
_CHUNK_BYTES = 65536
_MAX_LINE_BYTES = 65536


class WireError(Exception):
    """A request that got no whole answer; `kind` is how the tally counts it."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The head of an answer whose body arrived whole. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    reusable: bool


class Connection:
    """One connection to the load balancer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._poll = select.poll()
        self._poll.register(writer.get_extra_info("socket").fileno(), select.POLLIN)

    @classmethod
    async def open(cls, host: str, port: int) -> "Connection":
        """Connect; WireError `connect` when that fails."""
        try:
            return cls(*await asyncio.open_connection(host, port, limit=_MAX_LINE_BYTES))
        except OSError as error:
            raise WireError("connect", str(error)) from error

    def usable(self) -> bool:
        """Say whether the other side has left an idle connection open.

        The kernel is asked, for the event loop may not have heard of the end yet. What is closed after this question is
        closed under a request, and counts.
        """
        return not self._writer.is_closing() and not self._reader.at_eof() and not self._poll.poll(0)

    async def ask(self, request: bytes) -> Answer:
        """Send a request and read its whole answer."""
        try:
            self._writer.write(request)
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            raise WireError("truncated" if error.partial else "closed") from error
        except asyncio.LimitOverrunError as error:
            raise WireError("malformed", str(error)) from error
        except OSError as error:
            raise WireError("reset", str(error)) from error
        return await self._rest(head)

    async def _rest(self, head: bytes) -> Answer:
        """Read the body that a head announces."""
        try:
            status, headers = _parse(head)
            ended = await self._skip_body(status, headers)
        except asyncio.IncompleteReadError as error:
            raise WireError("truncated") from error
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise WireError("malformed", str(error)) from error
        except OSError as error:
            raise WireError("reset", str(error)) from error
        reusable = not ended and headers.get("connection", "").lower() != "close"
        return Answer(status=status, headers=headers, reusable=reusable)

    async def _skip_body(self, status: int, headers: Mapping[str, str]) -> bool:
        """Read the body and forget it; say whether the connection ended with it."""
        if status in _BODILESS:
            return False
        if "chunked" in headers.get("transfer-encoding", "").lower():
            while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
                await self._skip(size + 2)
            await self._reader.readuntil(b"\r\n")
            return False
        if "content-length" in headers:
            await self._skip(int(headers["content-length"]))
            return False
        while await self._reader.read(_CHUNK_BYTES):
            pass
        return True

    async def _skip(self, size: int) -> None:
        while size > 0:
            got = await self._reader.read(min(size, _CHUNK_BYTES))
            if not got:
                raise asyncio.IncompleteReadError(b"", size)
            size -= len(got)

    def close(self) -> None:
        """Close the connection at once."""
        self._writer.close()


def _parse(head: bytes) -> tuple[int, Mapping[str, str]]:
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    version, status, *_ = first.split(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(first)
    pairs = (line.partition(":") for line in lines)
    return int(status), {name.lower(): value.strip() for name, _, value in pairs}
