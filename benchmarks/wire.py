"""What the matrices share: teal's command line as processes on a lab, behind a relay that hears every call."""

import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any

from benchmarks.calls import Call, Counting, Deed, Point, pass_all
from benchmarks.production import APP as LONG_REQUESTS
from benchmarks.production import Production, production
from benchmarks.relay import Relay
from benchmarks.verdict import REST, Command, Status, Words

from teal.app.facade import App, Options, open_app
from teal.app.rehearsal import Rehearsal
from teal.app.traffic import Traffic
from teal.host.clock import SystemClock

COMMAND_S = 90.0
LOAD_MOST_S = 6 * 3600
ANNOUNCED_S = 0.5  # a shift that was announced and not begun is settled when it is 60 s old, at the time scale
RESTED_S = 1.8  # 120 s at the time scale, and the second by which a tag may be older than it says
# No request here is long, and slots are deployed over by the hundred: targets may come and go sooner.
SOONER = {"1600s": "100s", "interval: 200s": "interval: 60s", "timeout: 100s": "timeout: 40s"}
APP = reduce(lambda text, pair: text.replace(*pair), SOONER.items(), LONG_REQUESTS)


def run_cli(words: Words, environ: Mapping[str, str], directory: str, output: str) -> None:
    """Be the command line, in a process of its own."""
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environ)
    with Path(output).open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = ["teal", *words]
    from teal.cli.main import run  # noqa: PLC0415 - the command line reads its process when it is made

    run()


class Bench:
    """A rehearsal, a relay before its API, and commands as processes.

    The processes are forked from one that has imported teal already (a fork server), so that hundreds of runs do not
    wait for as many imports. Each is a process of its own all the same, with its own memory, sockets and end.
    """

    def __init__(self, stage: Rehearsal, clock: SystemClock) -> None:
        self._stage = stage
        self._clock = clock
        self._output = str(stage.directory / "output")
        self._number = 0
        self._colour = "first"
        self._opened: App | None = None  # with that colour
        self.ends: Counter[str] = Counter()
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(["teal.cli.main", "teal.app.facade", "teal.cli.verbs_move"])
        self.relay = Relay(stage.endpoint_url)

    def close(self) -> None:
        """End the relay."""
        self.relay.close()

    def fresh(self) -> None:
        """Let the next deployment bring content that was never there."""
        self._number += 1
        self._colour = f"c{self._number}"
        self._opened = None

    def run(self, words: Words, decide: Callable[[Call], Deed] | None = None) -> int:
        """Run a command; through the relay when somebody decides on its calls. Return its exit code.

        Raises:
            TimeoutError: it did not end.
        """
        environ = {**self._stage.environ, "COLOUR": self._colour}
        if decide is not None:
            environ["AWS_ENDPOINT_URL"] = self.relay.url
            self.relay.decide = decide
        arguments = (words, environ, str(self._stage.directory), self._output)
        process = self._processes.Process(target=run_cli, args=arguments)
        process.start()
        self.relay.client = process.pid
        process.join(COMMAND_S)
        if process.exitcode is None:
            process.kill()
            process.join(COMMAND_S)
            raise TimeoutError(f"{' '.join(words)} did not end: {self.said()}")
        self.relay.client, self.relay.decide = None, pass_all
        return process.exitcode

    def said(self) -> str:
        """Return the end of what the last command said."""
        return Path(self._output).read_text("utf-8", "replace")[-800:]

    def status(self) -> Status:
        """Return where things stand."""
        if self._opened is None:
            options = Options(config=self._stage.directory / "teal.yaml", endpoint_url=self._stage.endpoint_url)
            self._opened = open_app(options, {**self._stage.environ, "COLOUR": self._colour}, self._clock)
        return self._opened.status()

    def set_scene(self, command: Command) -> None:
        """Bring the app where the command begins: at rest first, whatever the case before left.

        Raises:
            RuntimeError: it does not come there.
        """
        self._rest()
        if command.fresh:
            self.fresh()
        for words in command.scene:
            self.must(words)
        self._clock.sleep(RESTED_S if command.rested else ANNOUNCED_S)

    def must(self, words: Words) -> None:
        """Run a command that has to succeed.

        Raises:
            RuntimeError: it did not.
        """
        code = self.run(words)
        if code != 0:
            raise RuntimeError(f"`teal {' '.join(words)}` ended with {code}: {self.said()}")

    def break_(self, fault: Mapping[str, Any], seed: int) -> None:
        """Let a fault of the lab's game day begin."""
        self._stage.labs.break_(self._stage.name, fault, seed=seed, for_s=None)

    def mend(self) -> None:
        """End all faults of the lab's game day."""
        self._stage.labs.mend(self._stage.name, ())

    def pause(self) -> None:
        """Let a shift that was announced and not begun grow old enough to be settled."""
        self._clock.sleep(ANNOUNCED_S)

    def _rest(self) -> None:
        """End what is under way."""
        if self.status()["row"] not in REST:
            self.pause()
            self.run(("abort",))
        row = self.status()["row"]
        if row not in REST:
            raise RuntimeError(f"abort left row {row}: {self.said()}")


def count(bench: Bench, command: Command) -> tuple[Point, ...]:
    """Return every point of a command. It is run to its end twice: what one run does not ask, another may."""
    return tuple(dict.fromkeys([*_count(bench, command), *_count(bench, command)]))


def _count(bench: Bench, command: Command) -> tuple[Point, ...]:
    bench.set_scene(command)
    counting = Counting()

    def decide(call: Call) -> Deed:
        counting.hear(call)
        return Deed.PASS

    code = bench.run(command.words, decide)
    if code != 0:
        raise RuntimeError(f"{command.name} ended with {code} before anybody spoiled it: {bench.said()}")
    return tuple(counting.seen)


@contextmanager
def bench_at_rest() -> Generator[Bench]:
    """Start a lab, and deploy to both of its slots."""
    with _bench() as (bench, _):
        yield bench


@contextmanager
def bench_under_load(rate_per_s: int) -> Generator[tuple[Bench, Traffic]]:
    """Start a lab, deploy to both of its slots, and let requests come to production until the end."""
    with _bench() as (bench, shop), shop.traffic(rate_per_s, LOAD_MOST_S, slow_per_s=0.0) as traffic:
        yield bench, traffic


@contextmanager
def _bench() -> Generator[tuple[Bench, Production]]:
    with production(APP) as shop:
        bench = Bench(shop.stage, shop.clock)
        try:
            for _ in range(2):
                bench.fresh()
                bench.must(("deploy", "--yes"))
            yield bench, shop
        finally:
            bench.close()
