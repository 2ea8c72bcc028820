"""The load client as a program: one JSON line per second on stdout, and a last one with `"final": true`.

    python -m teal.lab.load http://127.7.255.1:8080/ --rate 300 --duration 60

It ends by itself; SIGTERM or SIGINT ends it early, requests in flight first. Exit 0: no request failed; 1: some did.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict

from teal.errors import TealError
from teal.lab.load.generator import Load
from teal.lab.load.options import LoadOptions, Mix
from teal.lab.load.tally import Snapshot

_EVERY_S = 1.0


def options_from(arguments: Sequence[str]) -> LoadOptions:
    """Return the options of a command line."""
    parser = argparse.ArgumentParser(prog="python -m teal.lab.load", description="Send requests to a lab.")
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=100.0, help="requests per second")
    parser.add_argument("--duration", type=float, default=10.0, help="seconds")
    parser.add_argument("--max-requests", type=int)
    parser.add_argument("--host", default="", help="the Host header")
    parser.add_argument("--header", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--new-connections", type=int, default=10, metavar="PERCENT")
    parser.add_argument("--slow-rate", type=float, default=0.0, help="slow requests per second")
    parser.add_argument("--slow-seconds", type=float, default=5.0)
    parser.add_argument("--slot-header", default="X-Revision")
    given = parser.parse_args(arguments)
    pairs: list[str] = given.header
    return LoadOptions(
        url=given.url,
        rate_per_s=given.rate,
        duration_s=given.duration,
        max_requests=given.max_requests,
        host_header=given.host,
        headers={name: value for name, _, value in (pair.partition("=") for pair in pairs)},
        mix=Mix(
            new_connections_percent=given.new_connections,
            slow_per_s=given.slow_rate,
            slow_seconds=given.slow_seconds,
        ),
        slot_header=given.slot_header,
    )


def _write(snapshot: Snapshot, *, final: bool) -> None:
    sys.stdout.write(json.dumps({"final": final, **asdict(snapshot)}) + "\n")
    sys.stdout.flush()


async def _run(options: LoadOptions) -> int:
    load = Load(options)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, load.stop)
    running = asyncio.ensure_future(load.run())
    while not (await asyncio.wait({running}, timeout=_EVERY_S))[0]:
        _write(load.snapshot(), final=False)
    last = running.result()
    _write(last, final=True)
    return 1 if last.failed else 0


def main(arguments: Sequence[str]) -> int:
    """Run the program and return its exit code."""
    try:
        return asyncio.run(_run(options_from(arguments)))
    except TealError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
