"""Flips and rollbacks under live traffic, counted: how many requests does moving production cost?

One lab, one app of two slots, steady traffic. Each cycle flips production to the held revision (tasted anew, in steps)
and rolls it back.

    python -m benchmarks.flips --cycles 200 --rate 200

Prints one JSON object; exit 0 only when no request failed and every command ended as it should.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass, field
from statistics import median

from benchmarks.production import Production, production

from teal.model.run import Deploy, Flip, Rollback


@dataclass(slots=True)
class Result:
    """What was counted. Times are seconds."""

    world: str = "lab"
    flips: int = 0
    rollbacks: int = 0
    requests: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=dict[str, int])
    rate_per_s: int = 0
    took_s: float = 0.0
    flip_median_s: float = 0.0
    rollback_accepted_median_s: float = 0.0
    problems: list[str] = field(default_factory=list[str])


def play(shop: Production, cycles: int, rate_per_s: int) -> Result:
    """Play the cycles and return what was counted."""
    began_s = shop.clock.now_s()
    shop.run(Deploy(), COLOUR="blue")
    shop.run(Deploy(hold=True), COLOUR="green")
    flips: list[float] = []
    accepted: list[float] = []
    with shop.traffic(rate_per_s, longest_s=cycles * 30 + 60):
        for _ in range(cycles):
            flips.append(shop.run(Flip(again=True))[0].took_s)
            accepted.append(shop.run(Rollback())[1])
            if shop.problems:
                break
    return Result(
        flips=len(flips),
        rollbacks=len(accepted),
        requests=int(shop.counted["sent"]),
        failed=shop.failed,
        failures=dict(shop.counted["failures"]),
        rate_per_s=rate_per_s,
        took_s=round(shop.clock.now_s() - began_s, 1),
        flip_median_s=round(median(flips or [0.0]), 2),
        rollback_accepted_median_s=round(median(accepted or [0.0]), 3),
        problems=shop.problems,
    )


def main() -> int:
    """Parse, play, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--rate", type=int, default=200, help="requests per second")
    asked = parser.parse_args()
    with production() as shop:
        result = play(shop, asked.cycles, asked.rate)
    print(json.dumps(asdict(result), indent=2))
    return 0 if not result.problems and result.failed == 0 and result.flips == asked.cycles else 1


if __name__ == "__main__":
    sys.exit(main())
