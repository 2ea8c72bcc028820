"""A rollback on bad days: the real command line, under load, in five kinds of trouble made for real, and in none.

One lab, one app of two slots with a lock in a directory, steady traffic. Each round brings production to green, makes
the trouble, and runs `teal rollback` as a process. The troubles:

    nobody listens   the lock's store is an S3 endpoint that refuses connections
    store hangs      … one that takes connections and never answers
    no journal       the journal was deleted, and there is no place where another could be written
    green is frozen  all tasks of green are stopped by SIGSTOP, so that nothing in them answers
    lock is held     another `teal deploy` has the lock and has split the traffic; it must end with 6 and write no more
    throttled        the lab counts calls in AWS's own buckets, and a neighbour keeps them empty

    python -m benchmarks.ways_back --rounds 5 --rate 100

Prints one JSON object; exit 0 only when each rollback ended with 0 and the former slot live, no request failed, and
the median time until the write was accepted is within 2 s of that without trouble (throttled: without a bar).
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass, field
from statistics import median

from benchmarks.production import APP, production
from benchmarks.troubles import TROUBLES, Bench, Done

from teal.model.run import Deploy

PATIENCE_S = 2.0  # what a way back may wait for before it writes
ROUND_MOST_S = 120
ROLLED_BACK = 20  # a row of the decision table in docs/how-it-works.md


@dataclass(slots=True)
class Result:
    """What was counted in one kind of trouble. Times are seconds from the start of the process."""

    exit_codes: list[int] = field(default_factory=list[int])
    accepted_median_s: float = 0.0
    accepted_most_s: float = 0.0
    whole_median_s: float = 0.0
    whole_most_s: float = 0.0
    requests: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=dict[str, int])
    throttled: list[int] = field(default_factory=list[int])  # calls of each rollback that were refused
    wrong: list[str] = field(default_factory=list[str])


def play(bench: Bench, trouble_name: str, rounds: int, rate_per_s: int) -> Result:
    """Play the rounds of one kind of trouble; return what was counted."""
    result = Result()
    accepted: list[float] = []
    whole: list[float] = []
    with bench.shop.traffic(rate_per_s, longest_s=rounds * ROUND_MOST_S, slow_per_s=0.0):
        for _ in range(rounds):
            with TROUBLES[trouble_name](bench) as trouble:
                done = bench.run("rollback", *trouble.words, environ=trouble.environ)
                trouble.accepted_at_s.append(done.accepted_at_s)
            result.exit_codes.append(done.code)
            accepted.append(done.accepted_at_s - done.began_s)
            whole.append(done.took_s)
            result.throttled += trouble.throttled
            result.wrong += [*trouble.problems, *_wrong(bench, done, trouble.origin)]
    result.accepted_median_s, result.accepted_most_s = round(median(accepted), 2), round(max(accepted), 2)
    result.whole_median_s, result.whole_most_s = round(median(whole), 2), round(max(whole), 2)
    result.requests, result.failed = int(bench.shop.counted["sent"]), bench.shop.failed
    result.failures = dict(bench.shop.counted["failures"])
    return result


def _wrong(bench: Bench, done: Done, want: str) -> list[str]:
    """Return what is wrong with a rollback that should have brought production to the slot `want`."""
    status = bench.status()
    if (done.code, status["row"], status["live"]) == (0, ROLLED_BACK, want):
        return []
    return [f"ended with {done.code}, row {status['row']}, slot {status['live']}, expected slot {want}: {done.said}"]


def main() -> int:
    """Parse, play, print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=int, default=100, help="requests per second")
    parser.add_argument("--only", choices=TROUBLES, action="append", help="this kind of trouble; may be repeated")
    asked = parser.parse_args()
    with production(f"{APP}lock: {{store: file:locks}}\n") as shop:
        bench = Bench(shop)
        shop.run(Deploy(), COLOUR="blue")
        shop.run(Deploy(), COLOUR="green")
        bench.must("rollback")
        results = {name: play(bench, name, asked.rounds, asked.rate) for name in asked.only or TROUBLES}
    plain_s = results["none"].accepted_median_s if "none" in results else float("inf")
    late = [
        name
        for name, result in results.items()
        if name != "throttled" and result.accepted_median_s > plain_s + PATIENCE_S
    ]
    told = {"world": "lab", "rounds": asked.rounds, "rate_per_s": asked.rate, "late": late, "problems": shop.problems}
    print(json.dumps({**told, "troubles": {name: asdict(result) for name, result in results.items()}}, indent=2))
    right = all(not result.wrong and result.failed == 0 for result in results.values())
    return 0 if right and not late and not shop.problems else 1


if __name__ == "__main__":
    sys.exit(main())
