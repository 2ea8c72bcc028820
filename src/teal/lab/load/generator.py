"""The open-loop generator: request n is due at n / rate, whatever became of the requests before it.

Connections are kept and reused, as a client in front of a load balancer does. A kept connection is looked at before it
is used again; one that ended before is no failure, one that ends under a request is. Nothing is ever sent twice. At
most 512 requests are in flight: what is due when this client itself was held up waits for its turn and is not lost.

As every well-behaved client, this one drops what it has not used for a while, long before the load balancer's idle
timeout of 60 s would: a request sent just when the balancer closes is lost by HTTP itself, not by a flip.
"""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field
from time import monotonic, time_ns
from urllib.parse import urlsplit

from teal.lab.load.options import LoadOptions
from teal.lab.load.tally import Failure, Snapshot, Tally
from teal.lab.load.wire import Answer, Connection, WireError

_MOST_CONNECTIONS = 512
_KEPT_S = 30.0
_PROPER = range(200, 400)
_LONG_S = 0.2
_NS_PER_S = 1e9


def _unix_s() -> float:
    return time_ns() / _NS_PER_S


@dataclass(slots=True)
class Load:
    """One run of a load. `run` ends by itself; `stop` ends it early, requests in flight first."""

    options: LoadOptions
    _tally: Tally = field(default_factory=Tally)
    _idle: deque[tuple[Connection, float]] = field(default_factory=deque[tuple[Connection, float]])  # and since when
    _open: int = 0
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_CONNECTIONS))
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def run(self) -> Snapshot:
        """Send everything, wait for what is in flight, and return the counts."""
        mix = self.options.mix
        await asyncio.gather(
            self._send_at(self.options.rate_per_s, self._path(), self.options.max_requests),
            *([self._send_at(mix.slow_per_s, f"/slow?seconds={mix.slow_seconds:g}", None)] if mix.slow_per_s else []),
        )
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self.options.timeout_s + 1)
        while self._idle:
            self._close(self._idle.pop()[0])
        await asyncio.sleep(0)  # transports close in the next round of the loop
        return self.snapshot()

    def stop(self) -> None:
        """Send nothing more."""
        self._stopping.set()

    def snapshot(self) -> Snapshot:
        """Return the counts of this instant."""
        return self._tally.snapshot(at_s=_unix_s(), connections=self._open)

    def _path(self) -> str:
        parts = urlsplit(self.options.url)
        return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"

    async def _send_at(self, rate_per_s: float, path: str, most: int | None) -> None:
        """Send requests at a steady rate until the end of the run or `most` are sent."""
        keep, alone = (self._request(path, keep=kept) for kept in (True, False))
        begin_s = monotonic()
        total = int(rate_per_s * self.options.duration_s)
        share = self.options.mix.new_connections_percent
        for number in range(total if most is None else min(total, most)):
            await self._until(begin_s + number / rate_per_s)
            if self._stopping.is_set():
                return
            own = (number + 1) * share // 100 != number * share // 100
            self._tally.sent += 1
            task = asyncio.ensure_future(self._one(path, alone if own else keep, own=own))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _until(self, due_s: float) -> None:
        """Wait for an instant, but not beyond the end."""
        wait_s = due_s - monotonic()
        if wait_s > _LONG_S:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait_s)
        elif wait_s > 0:
            await asyncio.sleep(wait_s)  # cheaper, and short enough to notice the end late

    def _request(self, path: str, *, keep: bool) -> bytes:
        host = self.options.host_header or urlsplit(self.options.url).netloc
        headers = {"Host": host, "User-Agent": "teal-load", **self.options.headers}
        if not keep:
            headers["Connection"] = "close"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode("ascii")

    async def _one(self, path: str, request: bytes, *, own: bool) -> None:
        """Send one request and count what became of it."""
        begin_s, at_s = monotonic(), _unix_s()
        try:
            async with asyncio.timeout(self.options.timeout_s), self._room:
                answer = await self._exchange(request, own=own)
        except TimeoutError:
            self._tally.failure(Failure(at_s=at_s, kind="timeout", path=path))
            return
        except WireError as error:
            self._tally.failure(Failure(at_s=at_s, kind=error.kind, path=path, detail=error.detail))
            return
        self._count(answer, path, at_s, (monotonic() - begin_s) * 1000)

    def _count(self, answer: Answer, path: str, at_s: float, latency_ms: float) -> None:
        slot = answer.headers.get(self.options.slot_header.lower(), "")
        if answer.status not in _PROPER:
            kind = f"status {answer.status}"
            self._tally.failure(Failure(at_s=at_s, kind=kind, path=path, detail=slot))
            return
        self._tally.answer(at_s=_unix_s(), latency_ms=latency_ms, status=answer.status, slot=slot)

    async def _exchange(self, request: bytes, *, own: bool) -> Answer:
        """Send a request on a connection of its own or on a kept one."""
        connection = await self._connection(own=own)
        reusable = False
        try:
            answer = await connection.ask(request)
            reusable = answer.reusable and not own
        finally:
            if reusable:
                self._idle.append((connection, monotonic()))
            else:
                self._close(connection)
        return answer

    async def _connection(self, *, own: bool) -> Connection:
        while self._idle and not own:
            kept, since_s = self._idle.pop()
            if monotonic() - since_s < _KEPT_S and kept.usable():
                return kept
            self._close(kept)
        if self._open >= _MOST_CONNECTIONS:  # there is room for a request, so not all of them are busy
            self._close(self._idle.popleft()[0])
        self._open += 1
        try:
            return await Connection.open(*self.options.target())
        except BaseException:
            self._open -= 1
            raise

    def _close(self, connection: Connection) -> None:
        connection.close()
        self._open -= 1
