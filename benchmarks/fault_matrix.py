"""Every call to AWS that teal's commands make, spoiled in nine ways: the first time, and every time it is tried.

The points are those of the kill matrix (see `benchmarks.wire`). For each point, each of nine faults, once or for as
many times as botocore tries a call:

    set the scene ─► run the command as a process, the call is spoiled ─► judge the end ─► the same command again

Whatever AWS did: an exit code of 0 says that what was asked for is so, every other one is documented and comes without
a traceback; the slot that serves is whole; production answers, under load, all the while; and the same command again,
with AWS well, ends as the command table says.

    python -m benchmarks.fault_matrix                         all of it
    python -m benchmarks.fault_matrix --sample 100 --seed 7   a sample, drawn from the seed

Prints one JSON object; exit 0 only when nothing was wrong and no request failed.
"""

import sys
from dataclasses import dataclass

from benchmarks.matrix import Matrix
from benchmarks.relay import FAULTS, Call, Deed
from benchmarks.wire import Bench, Command, Counting, Point, Status, idle_tasks, told

ATTEMPTS = 3  # of botocore for one call
DOCUMENTED = {0, 2, 3, 4, 5, 6, 7}
WANTS_AGAIN = 7
SERVED, ROLLED_BACK = 18, 20  # rows of the decision table in docs/how-it-works.md
FORWARD = {"deploy", "flip"}


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
    counting, spoiled = Counting(), 0

    def decide(call: Call) -> Deed:
        nonlocal spoiled
        if spoiled >= case.times or counting.hear(call) != case.point:
            return Deed.PASS
        spoiled += 1
        return case.fault

    code = bench.run(case.command.words, decide)
    said, end = bench.said(), bench.status()
    if spoiled == 0:
        return None
    bench.ends[str(code)] += 1
    problem = judge(case, before, code, said, end) or again(bench, case, before, code)
    return (
        f"{case}: {problem}\n  before {told(before)}\n  end    {told(end)}\n  said   {said[-400:]}" if problem else ""
    )


def judge(case: Case, before: Status, code: int, said: str, end: Status) -> str:
    """Return what is wrong with the end of a spoiled run; empty when nothing is."""
    if code not in DOCUMENTED or "Traceback" in said:
        return f"ended with {code}"
    if code == 0 and not reached(case.command, before, end):
        return "ended with 0, and it is not so"
    live = next((view for view in end["slots"] if view["slot"] == end["live"]), None)
    if end["live"] is not None and (live is None or live["targets_healthy"] < 1 or len(live["revisions"]) != 1):
        return f"the live slot is not whole: {live}"
    return ""


def reached(command: Command, before: Status, end: Status) -> bool:
    """Say whether what a command is for is so."""
    if command.name == "retire":
        return end["live"] == before["live"] and idle_tasks(end) == 0
    moves = command.name != "abort"
    row = SERVED if command.name in FORWARD else ROLLED_BACK
    return (end["live"] != before["live"]) is moves and end["row"] == row


def again(bench: Bench, case: Case, before: Status, code: int) -> str:
    """Run the same command again with AWS well; return what is wrong with that end."""
    bench.pause()
    then = bench.run(case.command.words)
    end = bench.status()
    back = (then, end["row"], end["live"]) == (WANTS_AGAIN, ROLLED_BACK, before["live"])
    went_back = case.command.name in FORWARD and back
    if went_back or (then == 0 and reached(case.command, before, end)):
        return ""
    return f"ended with {code}; the same command again with {then}: {told(end)}: {bench.said()[-300:]}"


def cases(command: Command, point: Point) -> list[Case]:
    """Return the cases of a point."""
    return [Case(command=command, point=point, fault=fault, times=times) for fault in FAULTS for times in (1, ATTEMPTS)]


if __name__ == "__main__":
    sys.exit(Matrix(about=__doc__, cases=cases, play=play).main())
