"""A big lab: 200 tasks in 20 services. How long until they are up, what does it cost, and does `teal status` notice?

Two labs side by side, each with the same app of teal's; one of them has the services too. `teal status` is asked in
turn of the one and of the other, so that both have the same machine.

    python -m benchmarks.lab_scale --services 20 --tasks 10

Prints one JSON object, every figure beside its bar; exit 0 only when all figures keep to their bars.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import psutil
from benchmarks.figures import Figure, report
from benchmarks.lab_memory import MIB
from benchmarks.lab_scene import Scene
from benchmarks.production import clean_end
from benchmarks.startup import Bench

from teal.app.rehearsal import Rehearsal, rehearsal
from teal.host.clock import SystemClock

UP_S, AT_REST_PERCENT, STATUS_RATIO = 60.0, 20.0, 1.25
SETTLE_S = 5.0


@contextmanager
def lab(root: Path, name: str, time_scale: float) -> Generator[Rehearsal]:
    """Start a lab with the shop in it."""
    directory = root / name
    directory.mkdir()
    with rehearsal(directory, os.environ, name=f"{name}-{os.getpid()}", time_scale=time_scale) as stage:
        yield stage


def daemon(stage: Rehearsal) -> psutil.Process:
    """Return the lab's own process."""
    found = stage.labs.status(stage.name)
    return psutil.Process(int(found["pid"]) if found else None)


def at_rest(process: psutil.Process, clock: SystemClock, seconds: float) -> float:
    """Return the share of one core, in per cent, that a process takes; its children are not counted."""
    before, began_s = process.cpu_times(), time.monotonic()
    clock.sleep(seconds)
    after, took_s = process.cpu_times(), time.monotonic() - began_s
    return 100 * (after.user + after.system - before.user - before.system) / took_s


def statuses(empty: Bench, big: Bench, rounds: int) -> tuple[float, float]:
    """Return the median seconds of `teal status` in both labs, asked in turn."""
    taken: dict[Bench, list[float]] = {empty: [], big: []}
    for _ in range(rounds):
        for bench, seconds in taken.items():
            seconds.append(bench.teal("status").whole_s)
    return median(taken[empty]), median(taken[big])


def measure(root: Path, asked: argparse.Namespace) -> list[Figure]:
    """Start both labs, fill one, measure, end both."""
    clock = SystemClock()
    with ExitStack() as stack:
        empty = Bench(stack.enter_context(lab(root, "empty", asked.time_scale)))
        big = Bench(stack.enter_context(lab(root, "big", asked.time_scale)))
        for bench in (empty, big):
            bench.teal("deploy", "--yes", COLOUR="blue")
        idle_percent = at_rest(daemon(empty.stage), clock, asked.rest)
        scene = Scene(big.stage.environ)
        began_s = clock.now_s()
        scene.build(asked.services, asked.tasks)
        up_s = clock.now_s() - began_s
        clock.sleep(SETTLE_S)
        process = daemon(big.stage)
        busy_percent = at_rest(process, clock, asked.rest)
        small_s, big_s = statuses(empty, big, asked.rounds)
        memory = process.memory_info().rss / MIB
        clock.close()
    return [
        Figure(name="until all tasks are up and their services steady", value=round(up_s, 1), unit="s", bar=UP_S),
        Figure(name="the lab's process at rest", value=round(busy_percent, 1), unit="% of a core", bar=AT_REST_PERCENT),
        Figure(name="the same with the shop alone", value=round(idle_percent, 1), unit="% of a core"),
        Figure(name="teal status, here", value=round(big_s, 3), unit="s"),
        Figure(name="teal status, with the shop alone", value=round(small_s, 3), unit="s"),
        Figure(name="teal status, the one by the other", value=round(big_s / small_s, 2), unit="", bar=STATUS_RATIO),
        Figure(name="memory of the lab's process", value=round(memory, 1), unit="MiB"),
    ]


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=20)
    parser.add_argument("--tasks", type=int, default=10, help="of each service")
    parser.add_argument("--rest", type=float, default=20.0, help="seconds for which the lab at rest is watched")
    parser.add_argument("--rounds", type=int, default=5, help="of teal status")
    parser.add_argument("--time-scale", type=float, default=0.1)
    asked = parser.parse_args()
    with clean_end(), tempfile.TemporaryDirectory(prefix="teal-bench-") as folder:
        figures = measure(Path(folder), asked)
    return report(figures, tasks=asked.services * asked.tasks)


if __name__ == "__main__":
    sys.exit(main())
