"""A long life under traffic: flips, rollbacks and dying tasks for half an hour, and not one request lost.

Every minute a task of the idle slot is killed and replaced. In odd minutes a new revision is deployed into the idle
slot, held and flipped; in even minutes it is rolled back and flipped again. So there are as many flips as minutes and
half as many rollbacks. Meanwhile the memory of the lab's own processes is read.

    python -m benchmarks.soak --minutes 30 --rate 200

Prints tables, or one JSON object; exit 0 only when no request failed, everything was done and memory is flat.
"""

import argparse
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass, field

import psutil
from benchmarks.lab_memory import Course, Watch
from benchmarks.production import Production, production

from teal.aws.client import BotocoreCaller
from teal.model.run import Deploy, Flip, Rollback

MINUTE_S = 60.0
LATE_FACTOR = 3.0  # a machine that needs three times as long is not fit to measure on
IDLE_S = 10.0  # after a move, until the requests that the idle slot got before are all answered
WHOLE_S = 60.0
SETTLE_S = 5.0
LOOK_S = 0.5


@dataclass(slots=True)
class Result:
    """What was counted. Times are seconds."""

    world: str = "lab"
    minutes: int = 0
    rate_per_s: int = 0
    requests: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=dict[str, int])
    flips: int = 0
    rollbacks: int = 0
    killed: int = 0
    replaced_within_s: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    memory: list[Course] = field(default_factory=list[Course])
    problems: list[str] = field(default_factory=list[str])

    @property
    def kept(self) -> bool:
        """Whether everything was as it must be."""
        done = (self.flips, self.rollbacks, self.killed) == (self.minutes, self.minutes // 2, self.minutes)
        flat = bool(self.memory) and all(course.flat for course in self.memory)
        return done and flat and self.failed == 0 and not self.problems


class Soak:
    """The minutes, played."""

    def __init__(self, shop: Production, result: Result) -> None:
        self.shop, self.result = shop, result
        self._ecs = BotocoreCaller(endpoint_url=shop.stage.endpoint_url)
        self._moved_s = shop.clock.now_s()

    def play(self) -> None:
        """Play all minutes; stop at the first problem."""
        began_s = self.shop.clock.now_s()
        for minute in range(self.result.minutes):
            self._wait_until(began_s + minute * MINUTE_S)
            self._minute(minute)
            if self.shop.problems:
                return
        self._wait_until(began_s + self.result.minutes * MINUTE_S)

    def _minute(self, minute: int) -> None:
        self._wait_until(self._moved_s + IDLE_S)
        self._kill_one()
        if minute % 2 == 0:
            self.shop.run(Deploy(hold=True), COLOUR=f"minute {minute + 1}")
            self.shop.run(Flip())
        else:
            self.shop.run(Rollback())
            self.result.rollbacks += 1
            self._wait_until(self.shop.clock.now_s() + SETTLE_S)
            self.shop.run(Flip(again=True))
        self.result.flips += 1
        self._moved_s = self.shop.clock.now_s()

    def _wait_until(self, due_s: float) -> None:
        self.shop.clock.sleep(max(due_s - self.shop.clock.now_s(), 0.0))

    def _kill_one(self) -> None:
        """Kill a task of the idle slot as hard as possible; wait until another one has taken its place."""
        service = next(view["service"] for view in self._slots() if "live" not in view["roles"])
        victim = self._tasks(service)[0]
        process = _process_of(self.shop.lab_pid, victim)
        began_s = self.shop.clock.now_s()
        os.kill(process.pid, signal.SIGKILL)
        self.result.killed += 1
        while victim in self._tasks(service) or not self._whole(service):
            if self.shop.clock.now_s() > began_s + WHOLE_S:
                self.shop.problems.append(f"{service} did not replace its task within {WHOLE_S:g} s")
                return
            self.shop.clock.sleep(LOOK_S)
        self.result.replaced_within_s = max(self.result.replaced_within_s, self.shop.clock.now_s() - began_s)

    def _slots(self) -> list[dict[str, object]]:
        slots: list[dict[str, object]] = self.shop.app().status()["slots"]
        return slots

    def _whole(self, service: str) -> bool:
        view = next(view for view in self._slots() if view["service"] == service)
        return view["targets_healthy"] == view["targets_total"] == view["tasks_desired"]

    def _tasks(self, service: str) -> list[str]:
        found = self._ecs.call("ecs", "ListTasks", {"cluster": "shop", "serviceName": service})
        return [str(arn).rpartition("/")[2] for arn in found["taskArns"]]


def _process_of(daemon_pid: int, task_id: str) -> psutil.Process:
    """Return the process of a task: the one that is told that task's metadata endpoint."""
    for child in psutil.Process(daemon_pid).children():
        try:
            if child.environ().get("ECS_CONTAINER_METADATA_URI_V4", "").endswith(task_id):
                return child
        except psutil.Error:
            continue  # it has ended, or is a zombie
    raise ProcessLookupError(f"task {task_id} has no process")


def play(shop: Production, minutes: int, rate_per_s: int) -> Result:
    """Play it all and return what was counted."""
    result = Result(minutes=minutes, rate_per_s=rate_per_s, problems=shop.problems)
    for colour in ("blue", "green"):
        shop.run(Deploy(), COLOUR=colour)
    with shop.traffic(rate_per_s, longest_s=minutes * MINUTE_S * LATE_FACTOR):
        watch = Watch(shop.lab_pid)
        Soak(shop, result).play()
        result.memory = watch.stop()
    result.requests, result.failed = int(shop.counted["sent"]), shop.failed
    result.failures = dict(shop.counted["failures"])
    result.p50_ms, result.p99_ms = float(shop.counted["p50_ms"]), float(shop.counted["p99_ms"])
    result.replaced_within_s = round(result.replaced_within_s, 1)
    if result.requests < minutes * MINUTE_S * rate_per_s:
        shop.problems.append(f"only {result.requests} requests were sent")
    return result


def tables(result: Result) -> str:
    """Return the result as two tables of Markdown."""
    counts = (result.minutes, f"{result.requests:,}", result.failed, result.flips, result.rollbacks, result.killed)
    lines = [
        "| Minutes | Requests | Failed | Flips | Rollbacks | Tasks killed | Whole again in | Answer, median; 99 % |",
        "|---|---|---|---|---|---|---|---|",
        _row(*counts, f"{result.replaced_within_s:g} s", f"{result.p50_ms:g} ms; {result.p99_ms:g} ms"),
        "",
        "| Memory of | First quarter | Last quarter | Most | |",
        "|---|---|---|---|---|",
        *(
            _row(each.process, *(f"{mib:g} MiB" for mib in (each.first, each.last, each.most)), _verdict(each))
            for each in result.memory
        ),
    ]
    return "\n".join(lines)


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _verdict(course: Course) -> str:
    return "flat" if course.flat else "grown"


def main() -> int:
    """Parse, play, print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--rate", type=int, default=200, help="requests per second")
    parser.add_argument("-o", dest="form", choices=("table", "json"), default="table")
    asked = parser.parse_args()
    with production() as shop:
        result = play(shop, asked.minutes, asked.rate)
    print(json.dumps({"kept": result.kept, **asdict(result)}, indent=2) if asked.form == "json" else tables(result))
    for problem in (*result.problems, *(f"{count} × {kind}" for kind, count in result.failures.items())):
        print(problem, file=sys.stderr)
    return 0 if result.kept else 1


if __name__ == "__main__":
    sys.exit(main())
