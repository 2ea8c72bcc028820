"""`python -m sim`: one seed as a story, or many seeds on all cores. Run from the folder `tests`; `make sim` does."""

import argparse
import gc
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from os import cpu_count

from sim.runner import play

CHUNK = 50
TOLD = 3  # failing seeds that are told as stories


@dataclass(frozen=True, slots=True)
class Sum:
    """What came of some seeds."""

    broken: tuple[tuple[int, str], ...]  # seed, and the first thing that broke
    lasted_s: float
    worked_s: float  # of one processor
    counts: Counter[str]


def play_some(first: int, count: int) -> Sum:
    """Play seeds in this process."""
    gc.freeze()
    gc.disable()  # of what a seed leaves behind little is in circles: it is collected between two chunks
    broken: list[tuple[int, str]] = []
    lasted_s, began_s, counts = 0.0, time.process_time(), Counter[str]()
    for seed in range(first, first + count):
        played = play(seed)
        lasted_s += played.lasted_s
        counts += played.story.counts
        broken += [(seed, played.story.broken[0])] if played.story.broken else []
    gc.collect()
    return Sum(tuple(broken), lasted_s, time.process_time() - began_s, counts)


def sums(first: int, count: int, workers: int) -> Iterator[Sum]:
    """Play seeds in several processes; yield what came of each chunk, in order."""
    starts = range(first, first + count, CHUNK)
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(play_some, starts, [min(CHUNK, first + count - start) for start in starts])


def tell(seed: int) -> bool:
    """Print a seed as a story; say whether nothing broke."""
    played = play(seed, kept=True)
    say(str(played.scenario))
    for line in played.story.lines:
        say(line)
    say("\n".join(f"BROKEN {each}" for each in played.story.broken) or "nothing broke")
    return not played.story.broken


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def play_many(first: int, count: int, workers: int) -> bool:
    """Play seeds, print what broke and how fast it went; say whether nothing broke."""
    began_s, lasted_s, worked_s, counts = time.perf_counter(), 0.0, 0.0, Counter[str]()
    broken: list[tuple[int, str]] = []
    for done in sums(first, count, workers):
        lasted_s += done.lasted_s
        worked_s += done.worked_s
        counts += done.counts
        for seed, what in done.broken:
            say(f"seed {seed} broke: {what}")
        broken += done.broken
    took_s = time.perf_counter() - began_s
    for seed, _ in broken[:TOLD]:
        say("")
        tell(seed)
        say(f"again with: make sim SEED={seed}")
    for what, number in sorted(counts.items()):
        say(f"{number:9} {what}, {number / count:.2f} in a seed")
    say(
        f"{count} seeds from {first}: {len(broken)} broken; {lasted_s / 3600:.0f} simulated hours in {took_s:.0f} s: "
        f"{lasted_s / 3600 / took_s:.1f} hours and {count / took_s:.0f} seeds per second on {workers} processes, "
        f"{1000 * worked_s / count:.0f} ms of a processor each"
    )
    return not broken


def main() -> int:
    """Play what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sim", description=__doc__)
    parser.add_argument("--seed", type=int, help="tell this seed as a story")
    parser.add_argument("--seeds", type=int, default=10_000, help="how many seeds are played")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first of them")
    parser.add_argument("--workers", type=int, default=cpu_count() or 1, help="processes")
    asked = parser.parse_args()
    good = tell(asked.seed) if asked.seed is not None else play_many(asked.first, asked.seeds, asked.workers)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
