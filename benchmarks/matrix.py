"""A matrix of cases, played beside each other: each worker has a lab, a relay and production traffic of its own.

The calls of each command are counted first, on labs that serve nobody; every case follows from them. What was played
can be kept in a file, one JSON line for each case, and a run that finds it there goes on from it: a whole matrix takes
hours, and may be played in pieces.
"""

import argparse
import json
import multiprocessing
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import chain
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from threading import Lock
from time import monotonic
from typing import Final, Generic, TypeVar

from benchmarks.calls import Point
from benchmarks.production import clean_end
from benchmarks.verdict import COMMANDS, Command
from benchmarks.wire import Bench, bench_at_rest, bench_under_load, count

Case = TypeVar("Case")
_SAY_EVERY: Final = 10
_END_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A case, and what was wrong with it: empty when nothing was, None when the call was never made."""

    case: str
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a worker counted until its end."""

    ends: Mapping[str, int]
    requests: int
    failed: int
    failures: Mapping[str, int]


@dataclass(slots=True)
class Result:
    """What came of a matrix."""

    world: str = "lab"
    points: dict[str, int] = field(default_factory=dict[str, int])  # of each command
    cases_in_all: int = 0
    played_before: int = 0
    cases: int = 0
    not_reached: int = 0  # the run ended before it came to the call
    ends: dict[str, int] = field(default_factory=dict[str, int])  # how often each exit code
    wrong: list[str] = field(default_factory=list[str])
    requests: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=dict[str, int])
    took_s: float = 0.0

    def hear(self, news: Played | Tally) -> None:
        """Count what a worker tells."""
        match news:
            case Played(case=case, problem=problem):
                self.cases += 1
                self.not_reached += problem is None
                if problem:
                    self.wrong.append(f"{case}: {problem}")
            case Tally():
                self.ends = dict(Counter(self.ends) + Counter(news.ends))
                self.requests += news.requests
                self.failed += news.failed
                self.failures = dict(Counter(self.failures) + Counter(news.failures))


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix(Generic[Case]):
    """A kind of matrix: which cases a point has, and how one is played.

    `play` returns what is wrong, empty when nothing is, None when the call was never made.
    """

    about: str
    cases: Callable[[Command, Point], Sequence[Case]]
    play: Callable[[Bench, Case], str | None]

    def main(self) -> int:
        """Parse the command line, play, print; return the exit code."""
        parser = argparse.ArgumentParser(description=self.about, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument(
            "--sample", type=int, default=0, help="play so many cases, drawn from the seed; 0 plays all"
        )
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--commands", default=",".join(command.name for command in COMMANDS))
        parser.add_argument("--rate", type=int, default=50, help="requests per second to each lab meanwhile")
        parser.add_argument("--jobs", type=int, default=2, help="labs that play beside each other")
        parser.add_argument("--kept", type=Path, help="a file of what was played; cases in it are not played again")
        parser.add_argument("--minutes", type=float, default=0.0, help="begin no case after so long; 0 means never")
        asked = parser.parse_args()
        result, began_s = Result(), monotonic()
        last_s = began_s + asked.minutes * 60 if asked.minutes else float("inf")
        with clean_end():
            cases = self._every(asked.commands.split(","), asked.jobs, result)
            draw = Random(asked.seed)  # noqa: S311 - a draw, not a secret
            drawn = draw.sample(cases, min(asked.sample or len(cases), len(cases)))
            left = self._left(drawn, asked.kept, result)
            self._play(left, result, asked, last_s)
        result.took_s = round(monotonic() - began_s, 1)
        print(json.dumps(asdict(result), indent=2))
        return 1 if result.wrong or result.failed else 0

    def _every(self, names: Sequence[str], jobs: int, result: Result) -> list[Case]:
        """Count the calls of each command, and return every case."""
        commands = [command for command in COMMANDS if command.name in names]
        shares = [commands[nth::jobs] for nth in range(min(jobs, len(commands)))]
        with ProcessPoolExecutor(max(len(shares), 1), multiprocessing.get_context("spawn")) as pool:
            counted = dict(chain.from_iterable(pool.map(_count_all, shares)))
        result.points = {command.name: len(counted[command.name]) for command in commands}
        found = [case for command in commands for point in counted[command.name] for case in self.cases(command, point)]
        result.cases_in_all = len(found)
        return found

    def _left(self, cases: Sequence[Case], kept: Path | None, result: Result) -> list[Case]:
        """Return the cases that were not played yet, and count those that were."""
        lines = kept.read_text("utf-8").splitlines() if kept is not None and kept.exists() else []
        before = {played.case: played for played in (Played(**json.loads(line)) for line in lines)}
        for case in cases:
            if str(case) in before:
                result.played_before += 1
                result.hear(before[str(case)])
        return [case for case in cases if str(case) not in before]

    def _play(self, cases: Sequence[Case], result: Result, asked: argparse.Namespace, last_s: float) -> None:
        """Let workers play cases, and write down what they tell.

        Raises:
            EOFError: a worker ended before its time.
        """
        waiting, lock = iter(cases), Lock()
        workers = [_Worker(self.play, asked.rate) for _ in range(min(asked.jobs, len(cases)))]

        def take() -> Case | None:
            with lock:
                return next(waiting, None) if monotonic() < last_s else None

        def hear(news: Played | Tally) -> None:
            with lock:
                result.hear(news)
                if isinstance(news, Played):
                    _keep(asked.kept, news)
                    if news.problem or result.cases % _SAY_EVERY == 0:
                        said = f"{result.cases} played: {news.case}: {news.problem or 'fine'}"
                        print(said, file=sys.stderr, flush=True)

        with ThreadPoolExecutor(max(len(workers), 1)) as pool:
            try:
                for driven in [pool.submit(worker.drive, take, hear) for worker in workers]:
                    driven.result()
            finally:
                for worker in workers:
                    worker.stop()
                for worker in workers:
                    worker.join()


def _count_all(commands: Sequence[Command]) -> list[tuple[str, tuple[Point, ...]]]:
    """Return the points of each command, counted on a lab of this process."""
    with bench_at_rest() as bench:
        return [(command.name, count(bench, command)) for command in commands]


class _Worker(Generic[Case]):
    """A process that plays cases on a lab of its own."""

    def __init__(self, play: Callable[[Bench, Case], str | None], rate_per_s: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(play, theirs, rate_per_s))
        self._process.start()
        theirs.close()

    def drive(self, take: Callable[[], Case | None], hear: Callable[[Played | Tally], None]) -> None:
        """Hand over one case after the other, and tell what comes back.

        Raises:
            EOFError: the process ended before its time.
        """
        while (case := take()) is not None:
            self._pipe.send(case)
            hear(self._pipe.recv())
        self._pipe.send(None)
        hear(self._pipe.recv())
        self.join()

    def stop(self) -> None:
        """Let it end, with its lab, where it has not ended."""
        if self._process.is_alive():
            self._process.terminate()

    def join(self) -> None:
        """Wait until it has ended."""
        self._process.join(_END_S)


def _work(play: Callable[[Bench, Case], str | None], pipe: Connection, rate_per_s: int) -> None:
    """Be a worker: play what comes until None comes, then tell what was counted."""
    with bench_under_load(rate_per_s) as (bench, traffic):
        while (case := pipe.recv()) is not None:
            try:
                problem = play(bench, case)
            except (RuntimeError, TimeoutError) as error:
                problem = str(error)
            pipe.send(Played(case=str(case), problem=problem))
        counted = dict(traffic.stop())
        ends = dict(bench.ends)
    sent, failed, failures = int(counted["sent"]), int(counted["failed"]), dict(counted["failures"])
    pipe.send(Tally(ends=ends, requests=sent, failed=failed, failures=failures))


def _keep(file: Path | None, played: Played) -> None:
    """Write down a case that was played."""
    if file is not None:
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(played)) + "\n")
