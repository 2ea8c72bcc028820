"""The sample app: what it answers, how it misbehaves on request, and how it ends."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from teal.lab.sample import Sample, metadata_at, settings_from

HOST = "127.78.0.1"


async def exchange(port: int, *requests: str) -> list[tuple[int, Mapping[str, str], str]]:
    """Send requests on one connection, all at once, and read the answers."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write("".join(requests).encode())
    answers: list[tuple[int, Mapping[str, str], str]] = []
    for _ in requests:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode()[:-4].split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        answers.append((int(first.split()[1]), headers, body.decode()))
    writer.close()
    return answers


def get(path: str, extra: str = "") -> str:
    """Return a request."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{extra}\r\n"


@asynccontextmanager
async def running(port: int, **environment: str) -> AsyncIterator[Sample]:
    """Run the app until the end of the block."""
    sample = Sample(settings_from({"HOST": HOST, "PORT": str(port), "REVISION": "7", **environment}, {}))
    serving = asyncio.ensure_future(sample.serve())
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            break
    yield sample
    sample.stop()
    await asyncio.wait_for(serving, 5)


def test_answers() -> None:
    """One connection serves request after request, bodies included."""

    async def play() -> None:
        async with running(18001, COLOUR="green"):
            got = await exchange(
                18001,
                get("/"),
                "POST /echo HTTP/1.1\r\nX-A: b\r\nContent-Length: 3\r\n\r\nabc",
                "PUT /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                get("/status/418"),
                get("/health"),
                get("/slow?seconds=0.01"),
            )
        assert [status for status, _, _ in got] == [200, 200, 200, 418, 200, 200]
        assert got[0][2] == "revision 7 green\n"
        assert (got[0][1]["x-revision"], got[0][1]["x-colour"]) == ("7", "green")
        assert json.loads(got[1][2]) == {
            "method": "POST",
            "path": "/echo",
            "headers": {"X-A": "b", "Content-Length": "3"},
        }

    asyncio.run(play())


@pytest.mark.parametrize(
    ("environment", "health", "answers"),
    [
        ({}, 200, [200] * 10),
        ({"FAIL": "health"}, 500, [200] * 10),
        ({"FAIL": "errors"}, 200, [500] * 10),
        ({"ERROR_PERCENT": "20"}, 200, [200, 200, 200, 200, 500] * 2),
        ({"HEALTH_AFTER_SECONDS": "60"}, 500, [200] * 10),
    ],
)
def test_modes(environment: dict[str, str], health: int, answers: list[int]) -> None:
    """Health and answers fail each for itself, and a share of errors is spread evenly."""

    async def play() -> list[int]:
        async with running(18002, **environment):
            return [status for status, _, _ in await exchange(18002, get("/health"), *[get("/")] * 10)]

    assert asyncio.run(play()) == [health, *answers]


def test_end() -> None:
    """At its end the app answers what is in flight, says so, and closes idle connections at once."""

    async def play() -> None:
        async with running(18003) as sample:
            idle, writer = await asyncio.open_connection(HOST, 18003)
            slow = asyncio.ensure_future(exchange(18003, get("/slow?seconds=0.5")))
            await asyncio.sleep(0.1)
            sample.stop()
            assert await asyncio.wait_for(idle.read(), 0.3) == b""
            ((status, headers, _),) = await slow
            assert (status, headers["connection"]) == (200, "close")
            writer.close()

    asyncio.run(play())


def test_metadata() -> None:
    """Without REVISION the app says what ECS says; an endpoint that does not answer changes nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"GET /v4/abc/task ")
        told = json.dumps({"Revision": "12", "TaskARN": "arn:aws:ecs:eu-west-1:1:task/demo/beef", "Family": "web"})
        writer.write(f"HTTP/1.0 200 OK\r\n\r\n{told}".encode())
        writer.close()

    async def play() -> None:
        server = await asyncio.start_server(serve, HOST, 18004)
        told = await metadata_at(f"http://{HOST}:18004/v4/abc")
        server.close()
        settings = settings_from({}, told)
        assert (settings.revision, settings.task) == ("12", "beef")
        assert settings_from({"REVISION": "1"}, told).revision == "1"
        assert await metadata_at(f"http://{HOST}:18004/v4/abc") == {}

    asyncio.run(play())


def start(**environment: str) -> subprocess.Popen[str]:
    """Start the app as a program."""
    env = {"PATH": os.defpath, "PYTHONPATH": "src", "HOST": HOST, "PORT": "18005", "REVISION": "1", **environment}
    return subprocess.Popen([sys.executable, "-m", "teal.lab.sample"], env=env, stdout=subprocess.PIPE, text=True)


def test_crash() -> None:
    """FAIL=crash ends at the start, with exit code 1 and a line that says why."""
    with start(FAIL="crash") as app:
        out, _ = app.communicate(timeout=10)
    assert (app.returncode, out) == (1, "boom: cannot reach the database\n")


def test_sigterm() -> None:
    """SIGTERM ends the program with exit code 0, and it logs one line at each end."""
    with start() as app:
        assert app.stdout is not None
        first = app.stdout.readline()
        app.send_signal(signal.SIGTERM)
        rest, _ = app.communicate(timeout=10)
    assert app.returncode == 0
    assert (first, rest) == (f"revision 1 listens on {HOST}:18005\n", "revision 1 stopped, 0 requests answered\n")
