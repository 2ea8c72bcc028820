"""The load client: what it counts, what it calls a failure, and whom it talks to."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from teal.errors import UsageError
from teal.lab.load import Load, LoadOptions, Mix, Snapshot
from teal.lab.load.__main__ import options_from
from teal.lab.load.tally import Histogram

HOST = "127.78.1.1"
PORT = 18100
OPTIONS = LoadOptions(url=f"http://{HOST}:{PORT}/x?y", rate_per_s=200, duration_s=0.3)
Server = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Revision: 7\r\n\r\nok"


def fixed(answer: bytes, *, keep: bool = True) -> Server:
    """Return a server that gives every request the same bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer)
                if not keep:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    return serve


def run_against(server: Server, options: LoadOptions = OPTIONS) -> Snapshot:
    """Run a load against a server."""

    async def play() -> Snapshot:
        listening = await asyncio.start_server(server, HOST, PORT)
        try:
            return await Load(options).run()
        finally:
            listening.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            if others:
                await asyncio.wait(others, timeout=2)
            await asyncio.sleep(0.02)

    return asyncio.run(play())


def test_answers_are_counted() -> None:
    """Every request is sent at its time, and answers are counted by slot with their first and last instant."""
    result = run_against(fixed(GOOD))
    assert (result.sent, result.answered, result.failed, result.in_flight) == (60, 60, 0, 0)
    assert result.statuses == {200: 60}
    slot = result.slots["7"]
    assert (slot.count, 0.2 < slot.last_at_s - slot.first_at_s < 1.0) == (60, True)
    assert 0 < result.p50_ms <= result.p99_ms <= result.max_ms


@pytest.mark.parametrize(
    ("answer", "keep", "kind"),
    [
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", True, "status 502"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", True, "status 404"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", False, "truncated"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", False, "truncated"),
        (b"HTTP/1.1 200 O", False, "truncated"),
        (b"nonsense\r\n\r\n", False, "malformed"),
        (b"", False, "closed"),
        (b"", True, "timeout"),
    ],
)
def test_failures(answer: bytes, kind: str, *, keep: bool) -> None:
    """What is not a whole answer with 2xx or 3xx in time has failed, by kind, with examples."""
    result = run_against(fixed(answer, keep=keep), replace(OPTIONS, max_requests=25, timeout_s=0.3))
    assert (result.sent, result.answered, result.failures) == (25, 0, {kind: 25})
    assert len(result.examples) == 20
    assert result.examples[0].path == "/x?y"


def test_nobody_listens() -> None:
    """A connection refused is a failure."""
    result = asyncio.run(Load(replace(OPTIONS, max_requests=3)).run())
    assert result.failures == {"connect": 3}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_shapes(answer: bytes) -> None:
    """Answers may be chunked, empty or redirects."""
    assert run_against(fixed(answer)).failed == 0


def test_closed_before_reuse_is_no_failure() -> None:
    """A kept connection that was closed while idle is noticed; the request goes out once, on a new one."""
    asked: list[bytes] = []

    async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(GOOD)
        await writer.drain()
        writer.close()

    options = replace(OPTIONS, rate_per_s=50, mix=Mix(new_connections_percent=0))
    result = run_against(closes, options)
    assert (result.failed, result.answered, len(asked)) == (0, 15, 15)


def test_open_loop() -> None:
    """Requests go out on time although no earlier one was answered; slow ones come on top."""

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.5)
        writer.write(GOOD)
        writer.close()

    mix = Mix(new_connections_percent=0, slow_per_s=50, slow_seconds=1)
    result = run_against(slow, replace(OPTIONS, mix=mix))
    assert (result.answered, result.failed) == (60 + 15, 0)


def test_connections_are_bounded() -> None:
    """At most 512 requests are in flight; what is due beyond them waits for its turn, and none is lost."""
    open_now: set[asyncio.StreamWriter] = set()
    most: list[int] = []
    full = asyncio.Event()

    async def gathers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        open_now.add(writer)
        most.append(len(open_now))
        if len(open_now) == 512:
            full.set()
        await full.wait()
        writer.write(GOOD)
        await writer.drain()
        open_now.discard(writer)
        writer.close()

    result = run_against(gathers, replace(OPTIONS, rate_per_s=2000))
    assert (result.sent, result.answered, result.failures) == (600, 600, {})
    assert max(most) == 512


def test_idle_connections_make_room() -> None:
    """When 512 connections are open and idle, a request that needs a new one gets it in the place of an idle one."""
    gathered = asyncio.Event()
    kept: list[bytes] = []
    ended: list[bool] = []

    async def gathers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                if b"Connection: close" not in request:
                    kept.append(request)
                    if len(kept) == 512:
                        gathered.set()
                    await gathered.wait()
                writer.write(GOOD)
        except (asyncio.IncompleteReadError, ConnectionError):
            ended.append(gathered.is_set())
            writer.close()

    mix = Mix(new_connections_percent=1)
    result = run_against(gathers, replace(OPTIONS, rate_per_s=2000, duration_s=0.4, mix=mix))
    assert (result.sent, result.failures) == (800, {})
    assert len(kept) == 792
    assert ended.count(True) > 512


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://10.0.0.1/",
        "https://127.0.0.1/",
        "http://[::2]/",
        "http://127.0.0.1:99999/",
        "http:///",
        "http://127.0.0.1.example.com/",
    ],
)
def test_only_loopback(url: str) -> None:
    """No address but loopback is talked to."""
    with pytest.raises(UsageError):
        LoadOptions(url=url)


@pytest.mark.parametrize(
    "bad",
    [{"rate_per_s": 0}, {"duration_s": -1}, {"host_header": "a\r\nb"}, {"mix": Mix(new_connections_percent=101)}],
)
def test_options(bad: dict[str, object]) -> None:
    """Options that make no sense are refused."""
    with pytest.raises(UsageError):
        replace(OPTIONS, **bad)  # type: ignore[arg-type]  # a table of wrong values


def test_percentiles() -> None:
    """A percentile is at most 5 % above the truth, and never above the maximum."""
    histogram = Histogram()
    assert histogram.percentile(50) == 0.0
    for value in range(1, 1001):
        histogram.add(float(value))
    assert 500 <= histogram.percentile(50) <= 525
    assert 990 <= histogram.percentile(99) <= 1000
    assert histogram.percentile(100) == histogram.max_ms == 1000


def test_command_line() -> None:
    """The command line says the same as the options."""
    options = options_from(
        [f"http://{HOST}/", "--rate", "5", "--host", "a.test", "--header", "X-A=b=c", "--slow-rate", "2"]
    )
    assert (options.rate_per_s, options.host_header, options.headers) == (5.0, "a.test", {"X-A": "b=c"})
    assert options.mix == Mix(slow_per_s=2.0)
    assert options.target() == (HOST, 80)


def test_program() -> None:
    """As a program it writes JSON lines, ends early at SIGTERM, and its exit code says whether requests failed."""
    command = [sys.executable, "-m", "teal.lab.load", f"http://{HOST}:18101/", "--rate", "20", "--duration", "60"]
    env = {"PATH": os.defpath, "PYTHONPATH": "src"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        first = json.loads(program.stdout.readline())
        program.terminate()
        rest, _ = program.communicate(timeout=10)
    last = json.loads(rest.splitlines()[-1])
    assert (first["final"], last["final"], program.returncode) == (False, True, 1)
    assert last["failures"] == {"connect": last["sent"]}
