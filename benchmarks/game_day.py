"""Deployments, flips and rollbacks while the lab's own game day spoils its API, and somebody else edits the app.

What `benchmarks.fault_matrix` does to one call from outside, the lab does here to a share of all calls, by itself: it
throttles with AWS's token buckets, loses, delays and garbles answers, and reads show what was. The command line runs
as a process, under load, and is judged by the same verdict (`benchmarks.verdict`).

    python -m benchmarks.game_day                         every fault, every command
    python -m benchmarks.game_day --sample 6 --seed 7     a sample, drawn from the seed
    python -m benchmarks.game_day --only "flip, lost"     one of them

Prints one JSON object; exit 0 only when nothing was wrong and no request failed.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from random import Random
from time import monotonic
from typing import Any

from benchmarks.calls import Call, Deed
from benchmarks.production import clean_end
from benchmarks.verdict import COMMANDS, WANTS_AGAIN, Command, judge, judge_again, told
from benchmarks.wire import Bench, bench_under_load

PLAYED = ("deploy", "flip", "rollback")
FAULTS: Mapping[str, Mapping[str, Any]] = {  # of all calls, from before the command until after it
    "throttled": {"kind": "throttle-api"},
    "throttled hard": {"kind": "throttle-api", "rate_percent": 50.0},
    "lost": {"kind": "lose-answers", "share_percent": 10.0},
    "late": {"kind": "delay-answers", "share_percent": 20.0, "by_s": 0.3},
    "down": {"kind": "error-answers", "share_percent": 20.0},
    "garbled": {"kind": "garble-answers", "share_percent": 3.0},
    "stale": {"kind": "stale-reads", "age_s": 0.5, "backwards": True},
}
EDITS: Mapping[str, Mapping[str, Any]] = {  # once, in the midst of the command
    "scaled by hand": {"kind": "edit", "what": "service-scaled"},
    "restarted by hand": {"kind": "edit", "what": "service-restarted"},
    "weighed by hand": {"kind": "edit", "what": "weights"},
    "tags removed by hand": {"kind": "edit", "what": "tags-removed"},
}
EDIT_SEED = 5  # with which the edited one of the two taste rules and the production rule is the last
NOT_EXPLAINED = {2, 22, 23}  # rows of the decision table in docs/how-it-works.md


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A command, and what goes wrong meanwhile."""

    command: Command
    fault: str
    seed: int

    def __str__(self) -> str:
        return f"{self.command.name}, {self.fault}"


@dataclass(slots=True)
class Result:
    """What came of a game day."""

    cases: dict[str, str] = field(default_factory=dict[str, str])  # the exit codes of each: spoiled, again
    wrong: list[str] = field(default_factory=list[str])
    requests: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=dict[str, int])
    took_s: float = 0.0


@dataclass(slots=True)
class Stranger:
    """Edits in the midst of a command: after its first write to a rule, or its second other one."""

    bench: Bench
    fault: str
    writes: list[str] = field(default_factory=list[str])
    edited: bool = False

    def decide(self, call: Call) -> Deed:
        """Hear a call, and let it pass."""
        if not call.reads:
            self.writes.append(call.operation)
        elif not self.edited and ("ModifyRule" in self.writes or len(self.writes) > 1):
            self.bench.break_(EDITS[self.fault], EDIT_SEED)
            self.edited = True
        return Deed.PASS


def play(bench: Bench, case: Case, result: Result) -> str:
    """Play a case; return what is wrong, empty when nothing is."""
    bench.set_scene(case.command)
    before = bench.status()
    if case.fault in FAULTS:
        bench.break_(FAULTS[case.fault], case.seed)
        code = bench.run(case.command.words)
    else:
        code = bench.run(case.command.words, Stranger(bench, case.fault).decide)
    said = bench.said()
    bench.mend()
    end = bench.status()
    problem = judge(case.command, before, code, said, end)
    bench.pause()
    then = bench.run(case.command.words)
    rested, said_again = bench.status(), bench.said()
    result.cases[str(case)] = f"{code}, {then}"
    if then == WANTS_AGAIN and rested["row"] in NOT_EXPLAINED and case.fault in EDITS:
        problem = problem or named_way_back(bench, str(before["live"]))
    else:
        problem = problem or judge_again(case.command, before, then, said_again, rested)
    return f"{problem}\n  before {told(before)}\n  end {code}, {told(end)}\n  said   {said[-400:]}" if problem else ""


def named_way_back(bench: Bench, slot: str) -> str:
    """Go back as the hint says where a stranger took away what explained the state; return what is wrong then."""
    code = bench.run(("rollback", "--to-slot", slot))
    end = bench.status()
    return "" if (code, end["live"]) == (0, slot) else f"rollback --to-slot {slot} ended with {code}: {told(end)}"


def main() -> int:
    """Parse the command line, play, print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=0, help="play so many cases, drawn from the seed; 0 plays all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", default=[], help="a case by its name, e.g. `flip, lost`; repeatable")
    parser.add_argument("--rate", type=int, default=50, help="requests per second meanwhile")
    asked = parser.parse_args()
    commands = [command for command in COMMANDS if command.name in PLAYED]
    cases = [Case(command=command, fault=fault, seed=asked.seed) for command in commands for fault in (*FAULTS, *EDITS)]
    cases = [case for case in cases if not asked.only or str(case) in asked.only]
    drawn = Random(asked.seed).sample(cases, min(asked.sample or len(cases), len(cases)))  # noqa: S311 - a draw
    result, began_s = Result(), monotonic()
    with clean_end(), bench_under_load(asked.rate) as (bench, traffic):
        for case in drawn:
            began_case_s = monotonic()
            try:
                problem = play(bench, case, result)
            except (RuntimeError, TimeoutError) as error:
                bench.mend()
                problem = str(error)
            if problem:
                result.wrong.append(f"{case}: {problem}")
            ends = result.cases.get(str(case))
            print(
                f"{case}: {problem or 'fine'} ({ends}), {monotonic() - began_case_s:.1f} s", file=sys.stderr, flush=True
            )
        counted = dict(traffic.stop())
    result.requests, result.failed = int(counted["sent"]), int(counted["failed"])
    result.failures = dict(counted["failures"])
    result.took_s = round(monotonic() - began_s, 1)
    print(json.dumps(asdict(result), indent=2))
    return 1 if result.wrong or result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
