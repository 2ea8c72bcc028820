"""Every call to AWS that teal's commands make, spoiled in nine ways: the first time, and every time it is tried.

The points are those of the kill matrix (see `benchmarks.calls`). For each point, each of nine faults, once or for as
many times as botocore tries a call:

    set the scene ─► run the command as a process, the call is spoiled ─► judge the end ─► the same command again

The verdict is that of `benchmarks.verdict`; besides, production answers, under load, all the while.

    python -m benchmarks.fault_matrix                         all of it
    python -m benchmarks.fault_matrix --sample 100 --seed 7   a sample, drawn from the seed

Prints one JSON object; exit 0 only when nothing was wrong and no request failed.
"""

import sys
from dataclasses import dataclass

from benchmarks.calls import FAULTS as EVERY_FAULT
from benchmarks.calls import Deed, Point, Spoiling
from benchmarks.matrix import Matrix
from benchmarks.verdict import Command, judge, judge_again, told
from benchmarks.wire import Bench

ATTEMPTS = 3  # of botocore for one call
FAULTS = tuple(deed for deed in EVERY_FAULT if deed is not Deed.HANG)  # an answer that never comes lasts too long here


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One cell of the matrix."""

    command: Command
    point: Point
    fault: Deed
    times: int

    def __str__(self) -> str:
        return f"{self.command.name}, {self.point}: {self.fault}, {self.times} ×"


def play(bench: Bench, case: Case) -> str | None:
    """Play a case; return what is wrong, empty when nothing is, None when the call was never made."""
    bench.set_scene(case.command)
    before = bench.status()
    spoiling = Spoiling(point=case.point, deed=case.fault, times=case.times)
    code = bench.run(case.command.words, spoiling)
    said, end = bench.said(), bench.status()
    if spoiling.spoiled == 0:
        return None
    bench.ends[str(code)] += 1
    problem = judge(case.command, before, code, said, end)
    if not problem:
        bench.pause()
        then = bench.run(case.command.words)
        problem = judge_again(case.command, before, then, bench.said(), bench.status())
    return f"{problem}\n  before {told(before)}\n  end {code}, {told(end)}\n  said   {said[-400:]}" if problem else ""


def cases(command: Command, point: Point) -> list[Case]:
    """Return the cases of a point."""
    return [Case(command=command, point=point, fault=fault, times=times) for fault in FAULTS for times in (1, ATTEMPTS)]


if __name__ == "__main__":
    sys.exit(Matrix(about=__doc__, cases=cases, play=play).main())
