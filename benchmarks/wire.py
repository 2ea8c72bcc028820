"""What the matrices share: teal's command line as processes on a lab, behind a relay that hears every call.

A *point* is a class of calls: after so many writes, the n-th different call of an operation. Equal reads between two
writes are one point, because a process that is stopped at the second leaves what one stopped at the first leaves.
"""

import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

from benchmarks.production import APP as LONG_REQUESTS
from benchmarks.production import Production, production
from benchmarks.relay import Call, Deed, Relay, pass_all

from teal.app.facade import Options, open_app
from teal.app.rehearsal import Rehearsal
from teal.app.traffic import Traffic
from teal.host.clock import SystemClock

COMMAND_S = 90.0
LOAD_MOST_S = 6 * 3600
ANNOUNCED_S = 0.5  # a shift that was announced and not begun is settled when it is 60 s old, at the time scale
# No request here is long, and slots are deployed over by the hundred: targets may come and go sooner.
SOONER = {"1600s": "100s", "interval: 200s": "interval: 60s", "timeout: 100s": "timeout: 40s"}
APP = reduce(lambda text, pair: text.replace(*pair), SOONER.items(), LONG_REQUESTS)
REST = {1, 3, 18, 20}  # rows of the decision table in docs/how-it-works.md
Words = tuple[str, ...]
Status = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of the matrix: the words of it, and those that set its scene, each with the colour that it deploys."""

    name: str
    words: Words
    scene: tuple[Words, ...]
    fresh: bool = False  # it deploys content of its own


COMMANDS = (
    Command(name="deploy", words=("deploy", "--yes"), scene=(), fresh=True),
    Command(name="flip", words=("flip", "--yes"), scene=(("deploy", "--yes", "--hold"),), fresh=True),
    Command(name="rollback", words=("rollback",), scene=(("deploy", "--yes"),), fresh=True),
    Command(name="abort", words=("abort",), scene=(("deploy", "--yes", "--hold"),), fresh=True),
    Command(name="retire", words=("retire", "--yes"), scene=(("deploy", "--yes"),), fresh=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A class of calls: after so many writes, the n-th different call of an operation."""

    writes: int
    operation: str
    number: int

    def __str__(self) -> str:
        return f"{self.operation} #{self.number} after {self.writes} writes"


@dataclass(slots=True)
class Counting:
    """Tells calls apart by class; the same instance must hear all calls of one process."""

    seen: dict[Point, None] = field(default_factory=dict[Point, None])
    _writes: int = 0
    _known: dict[tuple[str, str], Point] = field(default_factory=dict[tuple[str, str], Point])
    _numbers: Counter[str] = field(default_factory=Counter[str])

    def hear(self, call: Call) -> Point:
        """Return the class of a call."""
        key = (call.operation, call.digest)
        point = self._known.get(key) if call.reads else None
        if point is None:
            self._numbers[call.operation] += 1
            point = Point(writes=self._writes, operation=call.operation, number=self._numbers[call.operation])
            self._known[key] = point
            self.seen[point] = None
        if not call.reads:
            self._writes += 1
            self._known.clear()
            self._numbers.clear()
        return point


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
        options = Options(config=self._stage.directory / "teal.yaml", endpoint_url=self._stage.endpoint_url)
        return open_app(options, {**self._stage.environ, "COLOUR": self._colour}, self._clock).status()

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
        self.pause()

    def must(self, words: Words) -> None:
        """Run a command that has to succeed.

        Raises:
            RuntimeError: it did not.
        """
        code = self.run(words)
        if code != 0:
            raise RuntimeError(f"`teal {' '.join(words)}` ended with {code}: {self.said()}")

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


def idle_tasks(status: Status) -> int:
    """Return how many tasks the slot that does not serve wants."""
    return sum(int(view["tasks_desired"]) for view in status["slots"] if view["slot"] != status["live"])


def told(status: Status) -> str:
    """Return where things stand, in a line."""
    move = status["move"] or {}
    slots = {
        view["slot"]: (view["revisions"], (view["deployment"] or {}).get("outcome"), view["tasks_desired"])
        for view in status["slots"]
    }
    return f"row {status['row']}, live {status['live']}, move {move.get('from')}→{move.get('to')}, {slots}"


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
