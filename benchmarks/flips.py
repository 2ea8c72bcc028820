"""Flips and rollbacks under live traffic, counted: how many requests does moving production cost?

One lab, one app of two slots, steady traffic. Each cycle flips production to the held revision (tasted anew, in steps)
and rolls it back. Everything is teal's own code against the lab's API; only the holds are shortened by the time scale.

    python benchmarks/flips.py --cycles 200 --rate 200

Prints one JSON object; exit 0 only when no request failed and every command ended as it should.
"""

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from teal.app.facade import App, Options, open_app
from teal.app.rehearsal import Rehearsal, rehearsal
from teal.app.traffic import Traffic
from teal.host.clock import SystemClock
from teal.model.event import RunEnded, StepEnded
from teal.model.run import Deploy, Flip, Intent, Rollback
from teal.model.step import WriteRoute

TIME_SCALE = 0.005
APP = """
app: shop
region: eu-west-1
cluster: shop
task_definition: taskdef.json
service: service.json
slots:
  a:
    service: shop-a
    target_groups:
      - name: shop-a
        container: web
        port: 8080
        # Long intervals and timeouts: at this time scale they are still only one second and half a second.
        create: &group {health_check: {path: /health, interval: 200s, timeout: 100s}}
  b: {service: shop-b, target_groups: [{name: shop-b, container: web, port: 8080, create: *group}]}
routes:
  - {load_balancer: shop, listener: 80, create: {priority: 20, conditions: {path: ["/*"]}}}
deploy: {shift: [10% for 1m, 50% for 1m, 100%], bake: 1m}
identity: {header: X-Revision}
"""


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


def command(app: App, intent: Intent, result: Result, expected: int = 0) -> tuple[RunEnded, float]:
    """Run a command; return how it ended and when its last forward write was accepted, in seconds from its start."""
    events = list(app.run(intent, command=type(intent).__name__.lower(), approve=lambda _plan, _seen: True))
    ended = events[-1]
    assert isinstance(ended, RunEnded)  # noqa: S101 - the last event of every run
    if ended.exit_code != expected:
        result.problems.append(f"{type(intent).__name__} ended with {ended.exit_code}: {ended.message}")
    writes = [e.at_s for e in events if isinstance(e, StepEnded) and isinstance(e.step, WriteRoute)]
    return ended, (writes[-1] - events[0].at_s) if writes else 0.0


def play(stage: Rehearsal, cycles: int, rate_per_s: int) -> Result:
    """Play the cycles and return what was counted."""
    clock, result = SystemClock(), Result(rate_per_s=rate_per_s)
    began_s = clock.now_s()

    def app(**variables: str) -> App:
        options = Options(config=stage.directory / "teal.yaml", endpoint_url=stage.endpoint_url)
        return open_app(options, {**stage.environ, **variables}, clock)

    command(app(COLOUR="blue"), Deploy(), result)
    command(app(COLOUR="green"), Deploy(hold=True), result)
    traffic = Traffic(stage.url, rate_per_s=rate_per_s, duration_s=cycles * 30 + 60, slow_per_s=1.0)
    flips: list[float] = []
    accepted: list[float] = []
    try:
        for _ in range(cycles):
            flips.append(command(app(), Flip(again=True), result)[0].took_s)
            accepted.append(command(app(), Rollback(), result)[1])
            if result.problems:
                break
        counted = traffic.stop()
    finally:
        traffic.kill()
    result.flips, result.rollbacks = len(flips), len(accepted)
    result.requests, result.failed = int(counted["sent"]), int(counted["failed"])
    result.failures = dict(counted["failures"])
    result.took_s = round(clock.now_s() - began_s, 1)
    result.flip_median_s, result.rollback_accepted_median_s = round(median(flips), 2), round(median(accepted), 3)
    clock.close()
    return result


def main() -> int:
    """Parse, play, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--rate", type=int, default=200, help="requests per second")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="teal-bench-") as name:
        directory = Path(name)
        (directory / "teal.yaml").write_text(APP, "utf-8")
        with rehearsal(directory, os.environ, name=f"bench-{os.getpid()}", time_scale=TIME_SCALE) as stage:
            os.environ.update(stage.environ)  # botocore reads credentials from this process
            result = play(stage, asked.cycles, asked.rate)
    print(json.dumps(asdict(result), indent=2))
    return 0 if not result.problems and result.failed == 0 and result.flips == asked.cycles else 1


if __name__ == "__main__":
    sys.exit(main())
