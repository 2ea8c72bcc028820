"""Every crash point of whole lives of an app.

A life is a row of commands. Before and after each write of each command the region is copied: that is the region that a
killed run leaves. From every such copy the row of the decision table is known, the same command again ends as if it had
never been killed, `rollback` and `abort` end well, and production answers all the while.

`TEAL_EXHAUSTIVE=1` plays every continuation from every point, before and after; without it those after each write, since
the point before a write differs from the one after the last only in time.
"""

import os
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lives import READS, adopted, app, fork, on, rest, state, watched
from region import Stage
from teal.model.run import Abort, Deploy, Flip, Intent, Rollback
from teal.plan.situation import Row

EXHAUSTIVE = bool(os.environ.get("TEAL_EXHAUSTIVE"))
ALL_AT_ONCE = "all_at_once"
HALF = '["50% for 1m", "100%"]'
COUNTED: Counter[str] = Counter()

Command = tuple[str, Intent, int]
LIVES: dict[str, tuple[bool, str, list[Command]]] = {  # made by hand?, shift, commands: image, intent, exit code
    "first, in steps": (False, HALF, [("1", Deploy(), 0), ("2", Deploy(), 0), ("2", Rollback(), 0), ("3", Deploy(), 0)]),
    "by hand, all at once": (
        True,
        ALL_AT_ONCE,
        [("2", Deploy(), 0), ("2", Rollback(), 0), ("2", Flip(again=True), 0), ("3", Deploy(hold=True), 0), ("3", Abort(), 0)],
    ),
    "failed newcomers": (
        True,
        ALL_AT_ONCE,
        [("crash", Deploy(), 4), ("2", Deploy(), 0), ("3crash", Deploy(), 4), ("3", Deploy(hold=True), 0), ("3", Flip(), 0)],
    ),
    "no first": (False, ALL_AT_ONCE, [("crash", Deploy(), 4), ("1", Deploy(), 0)]),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """A killed run: what it was, the call where it was killed, and the region that it left."""

    image: str
    intent: Intent
    call: str
    before: bool  # killed before the call; else after it
    left: Stage

    def __str__(self) -> str:
        return f"{self.intent} of {self.image}, killed {'before' if self.before else 'after'} {self.call}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a command ends: its exit code and where the app stands."""

    exit_code: int
    stands: str


def crashes(play: Stage, image: str, intent: Intent) -> tuple[list[Crash], Ending]:
    """Run a command to its end; return every crash point of it, and how it ended."""
    found: list[Crash] = []
    here = on(play, image)

    def copy(operation: str, *, before: bool) -> None:
        call = f"{operation} {sum(not crash.before for crash in found) + before}"
        found.append(Crash(image=image, intent=intent, call=call, before=before, left=fork(here)))

    def at_call(operation: str, *, before: bool) -> None:
        if not operation.startswith(READS) and (EXHAUSTIVE or not before or not found):
            copy(operation, before=before)

    def ahead(_: str, operation: str, __: Mapping[str, Any]) -> None:
        at_call(operation, before=True)

    def behind(_: str, operation: str, __: Mapping[str, Any]) -> None:
        at_call(operation, before=False)

    play.region.before_call, play.region.after_call = ahead, behind
    ended = here.run(intent)
    play.region.before_call, play.region.after_call = None, None
    rest(play)
    return found, Ending(exit_code=ended.exit_code, stands=str(state(here)))


def continued(crash: Crash, intent: Intent) -> tuple[Ending, tuple[str, ...], Stage]:
    """Run a command where a killed one left off; return how it ended and what production did not answer."""
    here = on(fork(crash.left), crash.image)
    if state(here).row == Row.ANNOUNCED:
        rest(here, 60.0)
    production = watched(here)
    ended = here.run(intent)
    rest(here)
    COUNTED["continuations"] += 1
    found = state(here)
    if isinstance(intent, Abort | Rollback) and "none" in found.move + str(state(crash.left).move):
        production.failures = ()  # a first deployment that goes back takes its rules away
    return Ending(exit_code=ended.exit_code, stands=str(found)), production.failures, here


def play_life(directory: Path, name: str) -> list[tuple[Crash, Ending]]:
    """Play a life; return its crash points, each with the end of the run that was not killed."""
    by_hand, shift, commands = LIVES[name]
    play = app(directory, shift=shift, bake="2m")
    if by_hand:
        adopted(on(play, "1"))
    found: list[tuple[Crash, Ending]] = []
    for image, intent, exit_code in commands:
        points, ending = crashes(play, image, intent)
        assert ending.exit_code == exit_code, (name, image, intent, ending)
        found += [(point, ending) for point in points]
    return found


SAFE_ENDS = {1, 3, 18, 20}


@pytest.mark.parametrize("name", LIVES)
def test_every_crash_point_can_be_gone_on_from(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kill anywhere: the row is known, the same command finishes, rollback and abort go back, production answers."""
    points = play_life(tmp_path, name)
    rows = Counter(state(crash.left).row for crash, _ in points)
    wrong: list[str] = []
    for crash, ending in points:
        wrong += [f"{crash}\n  left {state(crash.left)}\n  {problem}" for problem in problems(crash, ending)]
    with capsys.disabled():
        seen = ", ".join(f"row {row} × {count}" for row, count in sorted(rows.items()))
        sys.stdout.write(f"\n{name}: {len(points)} crash points, {COUNTED['continuations']} continuations: {seen}\n")
    assert not wrong, "\n".join(wrong)


def problems(crash: Crash, ending: Ending) -> list[str]:
    """Return what goes wrong from a crash point."""
    left = state(crash.left)
    if left.row in {Row.MIXED, Row.REMADE, Row.UNKNOWN}:
        return [f"nobody knows where this stands: {left}"]
    same, unanswered, _ = continued(crash, crash.intent)
    found = [*unanswered]
    if same != ending:
        found.append(f"again: {same}, never killed: {ending}")
    for intent in (Rollback(), Abort()):
        end, unanswered, _ = continued(crash, intent)
        found += [f"{intent}: {each}" for each in unanswered]
        if end.exit_code not in {0, 5}:
            found.append(f"{intent}: {end}")
    return found
