"""The right way, again and again: new revisions whose tasks need 2 s to listen go live, and no request is lost.

One lab, one app of two slots, steady traffic. A deployment replaces the tasks of the idle slot, waits until they are
healthy, tastes them and moves production in steps. Each third one is rolled back. It goes on until enough requests
were sent.

    python -m benchmarks.deploys --requests 40000 --rate 200

Prints one JSON object; exit 0 only when no request failed and every command ended as it should.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass, field
from statistics import median

from benchmarks.production import Production, production

from teal.app.traffic import Traffic
from teal.model.run import Deploy, Rollback

LATE_FACTOR = 4.0
BEGIN_S = 120.0
ROLLED_BACK = 3  # one in so many


@dataclass(slots=True)
class Result:
    """What was counted. Times are seconds."""

    world: str = "lab"
    start_s: float = 0.0
    deployments: int = 0
    rollbacks: int = 0
    requests: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=dict[str, int])
    revisions_seen: int = 0
    rate_per_s: int = 0
    deployment_median_s: float = 0.0
    problems: list[str] = field(default_factory=list[str])


def play(shop: Production, result: Result, requests: int) -> None:
    """Deploy until so many requests were sent; note what was counted."""
    shop.run(Deploy(), COLOUR="first")
    longest_s = BEGIN_S + LATE_FACTOR * requests / result.rate_per_s
    taken: list[float] = []
    with shop.traffic(result.rate_per_s, longest_s) as traffic:
        deadline_s = shop.clock.now_s() + longest_s
        while _sent(traffic) < requests and not shop.problems:
            if shop.clock.now_s() > deadline_s:
                shop.problems.append(f"only {_sent(traffic)} requests were sent within {longest_s:g} s")
                break
            taken.append(shop.run(Deploy(), COLOUR=f"number {len(taken)}")[0].took_s)
            if len(taken) % ROLLED_BACK == 0:
                shop.run(Rollback())
                result.rollbacks += 1
    result.deployments, result.deployment_median_s = len(taken), round(median(taken or [0.0]), 2)
    result.requests, result.failed = int(shop.counted["sent"]), shop.failed
    result.failures, result.revisions_seen = dict(shop.counted["failures"]), len(shop.counted["slots"])


def _sent(traffic: Traffic) -> int:
    return int(traffic.counted.get("sent", 0))


def main() -> int:
    """Parse, play, print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=40_000)
    parser.add_argument("--rate", type=int, default=200, help="requests per second")
    parser.add_argument("--start-seconds", type=float, default=2.0, help="what a task needs until it listens")
    asked = parser.parse_args()
    with production(START_SECONDS=f"{asked.start_seconds:g}") as shop:
        result = Result(start_s=asked.start_seconds, rate_per_s=asked.rate, problems=shop.problems)
        play(shop, result, asked.requests)
    print(json.dumps(asdict(result), indent=2))
    kept = result.requests >= asked.requests and result.failed == 0 and not result.problems
    return 0 if kept and result.deployments > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
