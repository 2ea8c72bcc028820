"""What the kill matrix takes for a right end: its expectations can fail, and follow the command table alone."""

from typing import Any

import pytest
from benchmarks.calls import Deed, Point
from benchmarks.kill_matrix import Case, wrong
from benchmarks.verdict import COMMANDS

COMMAND = {command.name: command for command in COMMANDS}
POINT = Point(writes=1, operation="DescribeRules", number=1)


def status(live: str, row: int, *, idle_tasks: int = 2) -> dict[str, Any]:
    """Return a status in which production moves from b to a, or has; the slot that does not serve wants some tasks."""
    whole: dict[str, Any] = {"revisions": ["shop:1"], "deployment": None}
    slots = [{"slot": slot, "tasks_desired": 2 if slot == live else idle_tasks, **whole} for slot in "ab"]
    return {"live": live, "row": row, "move": {"from": "b", "to": "a"}, "slots": slots}


BEFORE = status("b", 18)
GOOD = {  # what was killed, what it left, how it was gone on from, exit code, end
    "again": ("deploy", status("b", 6), "again", 0, status("a", 18)),
    "announced, so taken back": ("deploy", status("b", 11), "again", 7, status("b", 20)),
    "back": ("deploy", status("a", 18), "rollback", 0, status("b", 20)),
    "nothing to go back to": ("deploy", status("b", 6), "rollback", 5, status("b", 6)),
    "onto what nobody touched yet": ("deploy", status("b", 4), "rollback", 0, status("a", 20)),
    "onto what is retired": ("deploy", status("b", 4, idle_tasks=0), "rollback", 5, status("b", 4, idle_tasks=0)),
    "back to what is retired": ("deploy", status("a", 18, idle_tasks=0), "rollback", 5, status("a", 18, idle_tasks=0)),
    "ended": ("deploy", status("b", 6), "abort", 0, status("b", 20)),
    "retired": ("retire", status("b", 18), "again", 0, status("b", 18, idle_tasks=0)),
}
BAD = {
    "another exit code": ("deploy", status("b", 6), "again", 7, status("a", 18)),
    "the other slot": ("deploy", status("b", 6), "again", 0, status("b", 18)),
    "half way": ("deploy", status("b", 6), "again", 0, status("a", 14)),
    "not back though it could": ("deploy", status("b", 4), "rollback", 5, status("b", 4)),
    "back to nobody": ("deploy", status("b", 4, idle_tasks=0), "rollback", 0, status("a", 20)),
    "not retired": ("retire", status("b", 18), "again", 0, status("b", 18)),
}


def verdict(row: tuple[str, dict[str, Any], str, int, dict[str, Any]]) -> str:
    """Return the verdict on a row of a table."""
    command, left, recovery, code, end = row
    case = Case(command=COMMAND[command], point=POINT, side=Deed.KILL_BEFORE, recovery=recovery)
    return wrong(case, BEFORE, left, code, end)


@pytest.mark.parametrize("name", GOOD)
def test_right_ends(name: str) -> None:
    """Where the killed run left things says which end is right."""
    assert verdict(GOOD[name]) == ""


@pytest.mark.parametrize("name", BAD)
def test_wrong_ends(name: str) -> None:
    """Every other one is wrong, and said to be."""
    assert verdict(BAD[name]).startswith("ended with")
