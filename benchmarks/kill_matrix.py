"""teal killed before and after every call to AWS that its commands make, under load; then gone on from in three ways.

Every command is first run to its end through a relay, which writes down the calls it makes: these are the kill points,
found by counting (see `benchmarks.wire` for what counts as one). Then, for each point, for both sides of the call, and
for each way to go on:

    set the scene ─► run the command as a process, SIGKILL at the call ─► see where it stands ─► go on ─► see the end

Requests go to production all the while; not one may fail. What a right end is follows from where the killed run left
things, by the command table alone; see `expected`.

    python -m benchmarks.kill_matrix                         all of it
    python -m benchmarks.kill_matrix --sample 100 --seed 7   a sample, drawn from the seed
    python -m benchmarks.kill_matrix --commands rollback     one command

Prints one JSON object; exit 0 only when no end was wrong and no request failed.
"""

import signal
import sys
from dataclasses import dataclass

from benchmarks.calls import Call, Counting, Deed, Point
from benchmarks.matrix import Matrix
from benchmarks.verdict import REST, Command, Status, idle_tasks, told
from benchmarks.wire import Bench

UNTOUCHED = 4  # this and the following are rows of the decision table in docs/how-it-works.md
ANNOUNCED = 11
SERVED = 18
NO_WAY_BACK = {1, 3, 5, 6, 7}
ONTO_UNTOUCHED = {"rollback": {UNTOUCHED, 9}, "abort": {9}}
MAY_BE_RETIRED = {UNTOUCHED, SERVED}
SIDES = (Deed.KILL_BEFORE, Deed.KILL_AFTER)
RECOVERIES = ("again", "rollback", "abort")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One cell of the matrix."""

    command: Command
    point: Point
    side: Deed
    recovery: str

    def __str__(self) -> str:
        return f"{self.command.name}, {self.side} {self.point}, then {self.recovery}"


def play(bench: Bench, case: Case) -> str | None:
    """Play a case; return what is wrong with its end, empty when nothing is, None when the call was never made."""
    bench.set_scene(case.command)
    before = bench.status()
    counting = Counting()
    killed = False

    def decide(call: Call) -> Deed:
        nonlocal killed
        if killed or counting.hear(call) != case.point:
            return Deed.PASS
        killed = True
        return case.side

    code = bench.run(case.command.words, decide)
    if not killed:
        return None if code == 0 else f"ended with {code} without being killed: {bench.said()}"
    if code != -signal.SIGKILL:
        return f"was not killed, but ended with {code}"
    bench.pause()
    left = bench.status()
    words = case.command.words if case.recovery == "again" else (case.recovery,)
    code = bench.run(words)
    bench.ends[str(code)] += 1
    end = bench.status()
    problem = wrong(case, before, left, code, end)
    return f"{problem}\n  before {told(before)}\n  left   {told(left)}\n  end    {told(end)}" if problem else ""


def wrong(case: Case, before: Status, left: Status, code: int, end: Status) -> str:
    """Return what is wrong with an end; empty when nothing is."""
    want_code, want_live, want_rows = expected(case, before, left)
    retired = case.command.name != "retire" or case.recovery != "again" or idle_tasks(end) == 0
    if (code, end["live"]) == (want_code, want_live) and end["row"] in want_rows and retired:
        return ""
    rows = ", ".join(map(str, sorted(want_rows)))
    tasks = "" if retired else f"; the idle slot still wants {idle_tasks(end)} tasks"
    return f"ended with {code}, expected {want_code}, slot {want_live} live, row {rows}{tasks}"


def expected(case: Case, before: Status, left: Status) -> tuple[int, str, set[int]]:
    """Return the exit code, the live slot and the rows that are right after a recovery, by the command table."""
    row, live = int(left["row"]), str(before["live"])
    if case.recovery != "again":
        return _back(case.recovery, row, left)
    other = "b" if live == "a" else "a"
    match case.command.name:
        case "abort":
            return 0, live, {20}
        case "retire":
            return 0, live, {18}
        case "rollback":
            return 0, other, {20}
        case _ if row == ANNOUNCED:
            return 7, live, {20}
        case _:
            return 0, other, {18}


def _back(recovery: str, row: int, left: Status) -> tuple[int, str, set[int]]:
    """Return the right end of `rollback` or `abort` from a row of the decision table."""
    move = left["move"] or {}
    good = str(move.get("to") if row in ONTO_UNTOUCHED[recovery] else move.get("from"))
    if recovery == "abort":
        return (0, str(left["live"]), {row}) if row in REST else (0, good, REST)
    retired = row in MAY_BE_RETIRED and idle_tasks(left) == 0
    if row in NO_WAY_BACK or retired:
        return 5, str(left["live"]), {row}
    return 0, good, {20}


def cases(command: Command, point: Point) -> list[Case]:
    """Return the cases of a point."""
    return [
        Case(command=command, point=point, side=side, recovery=recovery) for side in SIDES for recovery in RECOVERIES
    ]


if __name__ == "__main__":
    sys.exit(Matrix(about=__doc__, cases=cases, play=play).main())
