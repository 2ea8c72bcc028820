"""Right and wrong ends of teal's commands when AWS did not do as it should: one verdict for all that spoil its calls.

Whatever AWS did: an exit code of 0 says that what was asked for is so, every other one is documented and comes without
a traceback; the slot that serves is whole; and the same command again, with AWS well, ends as the command table says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DOCUMENTED = {0, 2, 3, 4, 5, 6, 7}
WENT_BACK, WANTS_AGAIN = 4, 7
REST = {1, 3, 18, 20}  # rows of the decision table in docs/how-it-works.md
SERVED, ROLLED_BACK = 18, 20
NEVER_SERVED = {1, 3}
FORWARD = {"first", "deploy", "failed", "flip"}
Words = tuple[str, ...]
Status = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of the matrix: the words of it, and those that set its scene, each with the colour that it deploys."""

    name: str
    words: Words
    scene: tuple[Words, ...]
    fresh: bool = False  # it deploys content of its own
    rested: bool = False  # it wants the idle slot to have been without traffic for 120 s
    ends: int = 0  # its exit code where AWS is well: 4 where what it deploys cannot start


COMMANDS = (
    Command(name="deploy", words=("deploy", "--yes"), scene=(), fresh=True),
    Command(name="flip", words=("flip", "--yes"), scene=(("deploy", "--yes", "--hold"),), fresh=True),
    Command(name="rollback", words=("rollback",), scene=(("deploy", "--yes"),), fresh=True),
    Command(name="abort", words=("abort",), scene=(("deploy", "--yes", "--hold"),), fresh=True),
    Command(name="retire", words=("retire", "--yes"), scene=(("deploy", "--yes"),), fresh=True, rested=True),
)


def judge(command: Command, before: Status, code: int, said: str, end: Status) -> str:
    """Return what is wrong with the end of a spoiled run; empty when nothing is."""
    if code not in DOCUMENTED or "Traceback" in said:
        return f"ended with {code}"
    if code == 0 and not reached(command, before, end):
        return "ended with 0, and it is not so"
    live = next((view for view in end["slots"] if view["slot"] == end["live"]), None)
    if end["live"] is not None and (live is None or live["targets_healthy"] < 1 or len(live["revisions"]) != 1):
        return f"the live slot is not whole: {live}"
    return ""


def reached(command: Command, before: Status, end: Status) -> bool:
    """Say whether what a command is for is so."""
    if command.name == "unmade":
        return end["live"] is None and end["row"] in NEVER_SERVED
    if command.name == "retire":
        return end["live"] == before["live"] and idle_tasks(end) == 0
    moves = command.name != "abort"
    row = SERVED if command.name in FORWARD else ROLLED_BACK
    return (end["live"] != before["live"]) is moves and end["row"] == row


def judge_again(command: Command, before: Status, code: int, said: str, end: Status) -> str:
    """Return what is wrong with the end of the same command, run again with AWS well; empty when nothing is."""
    rows = NEVER_SERVED if before["live"] is None else {ROLLED_BACK, SERVED} if command.ends else {ROLLED_BACK}
    back = code in {WANTS_AGAIN, command.ends} and end["row"] in rows and end["live"] == before["live"]
    if (command.name in FORWARD and back) or (code == 0 and reached(command, before, end)):
        return ""
    return f"the same command again ended with {code}: {told(end)}: {said[-300:]}"


def idle_tasks(status: Status) -> int:
    """Return how many tasks the slot that does not serve wants."""
    return sum(int(view["tasks_desired"]) for view in status["slots"] if view["slot"] != status["live"])


def told(status: Status) -> str:
    """Return where things stand, in a line."""
    move = status["move"] or {}
    slots = {
        view["slot"]: (view["revisions"], (view["deployment"] or {}).get("outcome"), view["tasks_desired"])
        for view in status["slots"]
    }
    return f"row {status['row']}, live {status['live']}, move {move.get('from')}→{move.get('to')}, {slots}"
