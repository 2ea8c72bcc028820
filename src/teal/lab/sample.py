"""The app of the lab: a small HTTP/1.1 server that says which revision it is, and misbehaves on request.

    python -m teal.lab.sample

Everything comes from the environment. HOST and PORT say where to listen (127.0.0.1:8080). REVISION and COLOUR are what
it says about itself; without REVISION it asks the metadata endpoint of ECS. START_SECONDS delays the start,
HEALTH_AFTER_SECONDS the health check, SLOW_SECONDS every answer. FAIL is `crash` (ends at the start), `health` (the
health check answers 500) or `errors` (all but the health check answer 500); ERROR_PERCENT fails that share of the
answers, evenly spread.

SIGTERM: no new connections, what is in flight is answered, idle connections are closed, exit 0.

Idle connections are kept longer (`_KEEP_ALIVE_S`) than a load balancer keeps its own, so none is ever closed under a
request.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

_KEEP_ALIVE_S = 90.0
_BODY_TIMEOUT_S = 60.0
_METADATA_TIMEOUT_S = 2.0
_DRAIN_S = 3600.0
_LAST_ACCEPTS_S = 0.05  # what the kernel has accepted by now is served, not reset
_LONGEST_S = 600.0
_SLOW_S = 5.0
_MAX_HEADERS = 1000
_CODES = range(200, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the app behaves."""

    host: str
    port: int
    revision: str
    colour: str
    task: str
    start_s: float
    health_after_s: float
    slow_s: float
    fail: str
    error_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request without its body."""

    method: str
    target: str
    version: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str:
        """Return the first value of a header, or the empty string."""
        return next((value for key, value in self.headers if key.lower() == name), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: text or JSON."""

    status: int = 200
    body: str = ""
    kind: str = "text/plain; charset=utf-8"


@dataclass(slots=True)
class Sample:
    """The server. `serve` runs until `stop` is called and everything in flight is answered."""

    settings: Settings
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _healthy_at_s: float = 0.0
    _count: int = 0

    async def serve(self) -> None:
        """Listen until stopped, then let every request in flight finish."""
        await self._rest(self.settings.start_s)
        loop = asyncio.get_running_loop()
        self._healthy_at_s = loop.time() + self.settings.health_after_s
        server = await asyncio.start_server(self._accepted, self.settings.host, self.settings.port, backlog=1024)
        _say(f"revision {self.settings.revision} listens on {self.settings.host}:{self.settings.port}")
        await self._stopping.wait()
        await asyncio.sleep(_LAST_ACCEPTS_S)
        server.close()
        for writer in tuple(self._idle):
            writer.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_DRAIN_S)
        _say(f"revision {self.settings.revision} stopped, {self._count} requests answered")

    def stop(self) -> None:
        """Begin to stop."""
        self._stopping.set()

    async def _rest(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        if seconds > 0:
            waiting = asyncio.ensure_future(self._stopping.wait())
            await asyncio.wait({waiting}, timeout=seconds)
            waiting.cancel()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._converse(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after the other on a connection."""
        try:
            while (request := await self._next(reader, writer)) is not None:
                await asyncio.wait_for(_skip_body(request, reader), _BODY_TIMEOUT_S)
                reply = await self._answer(request)
                last = self._stopping.is_set() or request.header("connection").lower() == "close"
                writer.write(self._bytes(reply, last=last, head=request.method == "HEAD"))
                await writer.drain()
                if last:
                    break
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client went away or does not speak HTTP: there is nobody to answer
        finally:
            self._idle.discard(writer)
            writer.close()

    async def _next(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
        """Return the next request, or None when the connection was closed or nothing came for long."""
        self._idle.add(writer)
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _KEEP_ALIVE_S)
        except (TimeoutError, asyncio.IncompleteReadError):
            return None
        self._idle.discard(writer)
        return _parse(head.decode("latin-1"))

    async def _answer(self, request: Request) -> Reply:
        """Return the answer to a request."""
        url = urlsplit(request.target)
        if url.path == "/health":
            return self._health()
        self._count += 1
        if self.settings.slow_s > 0:
            await asyncio.sleep(self.settings.slow_s)
        if self._fails():
            return Reply(status=500, body="this answer was asked to fail\n")
        match url.path.split("/")[1:]:
            case ["slow"]:
                await asyncio.sleep(_asked_s(url.query))
                return Reply(body=self._greeting())
            case ["status", code] if code.isdecimal() and int(code) in _CODES:
                return Reply(status=int(code), body=f"{code}\n")
            case ["echo"]:
                told = {"method": request.method, "path": request.target, "headers": dict(request.headers)}
                return Reply(body=json.dumps(told), kind="application/json")
            case _:
                return Reply(body=self._greeting())

    def _health(self) -> Reply:
        ready = asyncio.get_running_loop().time() >= self._healthy_at_s and self.settings.fail != "health"
        return Reply(body="ok\n") if ready else Reply(status=500, body="not ready\n")

    def _fails(self) -> bool:
        share = self.settings.error_percent
        return self.settings.fail == "errors" or self._count * share // 100 != (self._count - 1) * share // 100

    def _greeting(self) -> str:
        return f"revision {self.settings.revision} {self.settings.colour}".rstrip() + "\n"

    def _bytes(self, reply: Reply, *, last: bool, head: bool) -> bytes:
        """Return an answer as it goes over the wire."""
        body = reply.body.encode()
        phrase = HTTPStatus(reply.status).phrase if reply.status in {*HTTPStatus} else "Unknown"
        bodiless = reply.status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
        fields = {
            "Content-Type": reply.kind,
            "X-Revision": self.settings.revision,
            "X-Colour": self.settings.colour,
            "X-Task": self.settings.task,
            **({} if bodiless else {"Content-Length": str(len(body))}),
            **({"Connection": "close"} if last else {}),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        text = f"HTTP/1.1 {reply.status} {phrase}\r\n{lines}\r\n".encode("latin-1", "replace")
        return text if head or bodiless else text + body


def _asked_s(query: str) -> float:
    text = parse_qs(query).get("seconds", [""])[0]
    return min(float(text), _LONGEST_S) if text.replace(".", "", 1).isdecimal() else _SLOW_S


def _parse(head: str) -> Request:
    first, *lines = head[:-4].split("\r\n")
    method, target, version = first.split(" ")
    if len(lines) > _MAX_HEADERS:
        raise ValueError("too many headers")
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name, value.strip()) for name, _, value in pairs)
    return Request(method=method, target=target, version=version, headers=headers)


async def _skip_body(request: Request, reader: asyncio.StreamReader) -> None:
    """Read the body of a request and forget it."""
    if "chunked" in request.header("transfer-encoding").lower():
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            await _skip(reader, size + 2)
        await reader.readuntil(b"\r\n")
        return
    await _skip(reader, int(request.header("content-length") or "0"))


async def _skip(reader: asyncio.StreamReader, size: int) -> None:
    while size > 0:
        got = await reader.read(min(size, 65536))
        if not got:
            raise asyncio.IncompleteReadError(b"", size)
        size -= len(got)


def settings_from(environ: Mapping[str, str], metadata: Mapping[str, str]) -> Settings:
    """Return the settings of an environment; `metadata` is what ECS says about the task."""
    return Settings(
        host=environ.get("HOST", "127.0.0.1"),
        port=int(environ.get("PORT", "8080")),
        revision=environ.get("REVISION") or metadata.get("Revision", "0"),
        colour=environ.get("COLOUR", ""),
        task=metadata.get("TaskARN", "").rpartition("/")[2] or f"{socket.gethostname()}-{os.getpid()}",
        start_s=float(environ.get("START_SECONDS", "0")),
        health_after_s=float(environ.get("HEALTH_AFTER_SECONDS", "0")),
        slow_s=float(environ.get("SLOW_SECONDS", "0")),
        fail=environ.get("FAIL", ""),
        error_percent=float(environ.get("ERROR_PERCENT", "0")),
    )


async def metadata_at(url: str) -> Mapping[str, str]:
    """Return what the metadata endpoint of ECS says about the task; nothing when it does not answer."""
    where = urlsplit(f"{url}/task")
    try:
        async with asyncio.timeout(_METADATA_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(where.hostname, where.port or 80)
            writer.write(f"GET {where.path} HTTP/1.0\r\nHost: {where.netloc}\r\n\r\n".encode())
            _, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
        told = json.loads(body)
    except (OSError, ValueError, TimeoutError):
        return {}
    return {key: str(told[key]) for key in ("Revision", "TaskARN") if key in told}


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def run(environ: Mapping[str, str]) -> int:
    """Run the app until SIGTERM or SIGINT and return its exit code."""
    url = environ.get("ECS_CONTAINER_METADATA_URI_V4", "")
    settings = settings_from(environ, await metadata_at(url) if url else {})
    if settings.fail == "crash":
        _say("boom: cannot reach the database")
        return 1
    sample = Sample(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, sample.stop)
    await sample.serve()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(run(os.environ)))  # noqa: TID251 - a program of its own: its environment is its interface
