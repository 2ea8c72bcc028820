"""Every crash point of whole lives of an app.

A life is a row of commands. Before and after each write of each command the region is copied: that is the region that a
killed run leaves. From every such copy the row of the decision table is known, the same command again ends as if it had
never been killed, `rollback`, `abort` and `retire` end well, and production answers all the while.

`TEAL_EXHAUSTIVE=1` plays every continuation from every point, before and after; without it those after each write,
since the point before a write differs from the one after the last only in time.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from execute.disturbing import rule_arn, service, update
from lives import READS, Kill, State, adopted, app, fork, killed, on, rest, state, watched
from region import Stage
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Intent, Retire, Rollback
from teal.model.tags import BEFORE, DEPLOYMENT, MOVE
from teal.plan.situation import Row

EXHAUSTIVE = bool(os.environ.get("TEAL_EXHAUSTIVE"))  # noqa: TID251 - a switch of this test alone
ALL_AT_ONCE = "all_at_once"
HALF = '["50% for 1m", "100%"]'
COUNTED: Counter[str] = Counter()

Command = tuple[str, Intent, int | Kill]  # image, intent, and its exit code or the call after which it is killed
Person = Callable[[Stage], object]  # what somebody does by hand between two commands


def sized(**counts: int) -> Person:
    """Return somebody who gives services other counts: `b=4` is service shop-b."""

    def act(play: Stage) -> None:
        for slot, count in counts.items():
            update(play, f"shop-{slot}", desiredCount=count)
        rest(play)

    return act


def untag_rules(play: Stage) -> None:
    """Somebody's infrastructure code removes the tags of the production rules that it does not know."""
    arns = [rule_arn(play.region, priority) for priority in (20, 30)]
    play.region.aws("elbv2", "RemoveTags", ResourceArns=arns, TagKeys=[MOVE])


def untag_all(play: Stage) -> None:
    """The same, of the services as well."""
    untag_rules(play)
    for name in ("shop-a", "shop-b"):
        arn = service(play, name)["serviceArn"]
        play.region.aws("ecs", "UntagResource", resourceArn=arn, tagKeys=[DEPLOYMENT, BEFORE])


LIVES: dict[str, tuple[bool, str, list[Command | Person]]] = {  # made by hand?, shift, commands
    "first, in steps": (
        False,
        HALF,
        [("1", Deploy(), 0), ("2", Deploy(), 0), ("2", Rollback(), 0), ("3", Deploy(), 0)],
    ),
    "by hand, all at once": (
        True,
        ALL_AT_ONCE,
        [
            ("2", Deploy(), 0),
            ("2", Rollback(), 0),
            ("2", Flip(again=True), 0),
            ("3", Deploy(hold=True), 0),
            ("3", Abort(), 0),
        ],
    ),
    "failed newcomers": (
        True,
        ALL_AT_ONCE,
        [
            ("crash", Deploy(), 4),
            ("2", Deploy(), 0),
            ("3crash", Deploy(), 4),
            ("3", Deploy(hold=True), 0),
            ("3", Flip(), 0),
        ],
    ),
    "changed minds": (
        True,
        ALL_AT_ONCE,
        [
            ("2", Deploy(), 0),
            ("3", Deploy(hold=True), 0),
            ("4", Deploy(replace=True), 0),
            ("2", Deploy(), 0),
            ("4", Deploy(restart=True), 0),
        ],
    ),
    "second thoughts": (
        True,
        HALF,
        [
            ("2", Deploy(), 0),
            ("3", Deploy(), ("ModifyRule", 2)),
            ("3", Rollback(), 0),
            ("4", Deploy(), ("ModifyRule", 1)),
            ("4", Abort(), 0),
            ("5", Deploy(), 0),
            ("6", Deploy(), ("AddTags", 1)),
            ("6", Rollback(), 0),
        ],
    ),
    "retired": (
        True,
        ALL_AT_ONCE,
        [
            ("1", Retire(), 0),
            ("2", Deploy(), 0),
            ("2", Retire(), 0),
            ("2", Retire(), 0),
            ("2", Rollback(), 5),
            ("3crash", Deploy(), 4),
            ("3", Deploy(), 0),
            ("3", Rollback(), 0),
            ("3", Retire(), 0),
            ("3", Flip(again=True), 0),
        ],
    ),
    "resized": (
        True,
        HALF,
        [
            ("2", Deploy(), 0),
            sized(b=4),
            ("3", Deploy(), 0),
            sized(a=5, b=1),
            ("3", Rollback(), 0),
            sized(a=1, b=3),
            ("3", Retire(), 0),
            ("4", Deploy(), 0),
        ],
    ),
    "tags lost": (
        True,
        ALL_AT_ONCE,
        [
            ("2", Deploy(), 0),
            untag_rules,
            ("3", Deploy(), 0),
            untag_all,
            ("3", Retire(), 0),
            ("4", Deploy(hold=True), 0),
            ("4", Flip(), 0),
            untag_all,
            ("4", Rollback(to_slot=Slot.A), 0),
        ],
    ),
    "no first": (False, ALL_AT_ONCE, [("crash", Deploy(), 4), ("1", Deploy(), 0)]),
}


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


def counts(play: Stage) -> dict[str, int]:
    """Return how many tasks each slot wants; nothing of a slot without a service."""
    found = {slot: play.look().slot(slot).service for slot in Slot}
    return {str(slot): each.desired for slot, each in found.items() if each is not None}


def stands(play: Stage) -> str:
    """Return where the app stands, and how many tasks each slot wants."""
    return f"{state(play)} | {counts(play)}"


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
    return found, Ending(exit_code=ended.exit_code, stands=stands(here))


def continued(crash: Crash, left: State, intent: Intent) -> tuple[Ending, tuple[str, ...], State]:
    """Run a command where a killed one left off; return how it ended and what production did not answer."""
    here = on(fork(crash.left), crash.image)
    if left.row == Row.ANNOUNCED:
        rest(here, 60.0)
    production = watched(here)
    ended = here.run(intent)
    here.region.pass_time(0.5)
    COUNTED["continuations"] += 1
    found = state(here)
    if found.row == Row.NO_ROUTE:
        production.failures = ()  # a first deployment that goes back takes its rules away
    return Ending(exit_code=ended.exit_code, stands=stands(here)), production.failures, found


def play_life(directory: Path, name: str) -> list[tuple[Crash, Ending]]:
    """Play a life; return its crash points, each with the end of the run that was not killed."""
    by_hand, shift, commands = LIVES[name]
    play = app(directory, shift=shift, bake="2m")
    if by_hand:
        adopted(on(play, "1"))
    found: list[tuple[Crash, Ending]] = []
    for command in commands:
        if not isinstance(command, tuple):
            command(play)
            continue
        image, intent, end = command
        if isinstance(end, tuple):
            rest(play)
            killed(on(play, image), intent, end)
            continue
        points, ending = crashes(play, image, intent)
        assert ending.exit_code == end, (name, image, intent, ending)
        found += [(point, ending) for point in points]
    return found


Wanted = Callable[[Ending, State], bool]
ASKED_TO_RETIRE = set[str]()  # states from which it was tried already
AT_REST = {1, 3, 18, 20}
WENT_BACK, NEEDS_PERSON, BUSY, WANTS_AGAIN, WANTS_NAME = 4, 5, 6, 7, 7


@pytest.mark.parametrize("name", LIVES)
def test_every_crash_point_can_be_gone_on_from(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kill anywhere: the row is known, the same command finishes, others end well, production answers."""
    points = play_life(tmp_path, name)
    wrong: list[str] = []
    rows: Counter[int] = Counter()
    for crash, ending in points:
        left = state(crash.left)
        rows[left.row] += 1
        wrong += [f"{crash}\n  left {left}\n  {problem}" for problem in problems(crash, left, ending)]
    with capsys.disabled():
        seen = ", ".join(f"row {row} × {count}" for row, count in sorted(rows.items()))
        sys.stdout.write(f"\n{name}: {len(points)} crash points, {COUNTED['continuations']} continuations: {seen}\n")
    assert not wrong, "\n".join(wrong)


def problems(crash: Crash, left: State, ending: Ending) -> list[str]:
    """Return what goes wrong from a crash point."""
    named = isinstance(crash.intent, Rollback) and crash.intent.to_slot is not None
    if left.row in {Row.MIXED, Row.REMADE, Row.UNKNOWN} and not (named and left.row == Row.MIXED):
        return [f"nobody knows where this stands: {left}"]
    found: list[str] = []
    plays: list[tuple[str, Intent, Wanted]] = [
        ("again", crash.intent, again(crash, left, ending)),
        ("rollback", Rollback(), rolled_back(crash, left)),
        ("abort", Abort(), aborted(left)),
    ]
    if EXHAUSTIVE or str(left) not in ASKED_TO_RETIRE:
        ASKED_TO_RETIRE.add(str(left))
        plays.append(("retire", Retire(), retired(left)))
    if left.row == Row.MIXED:  # without tags only a named way back is known
        plays = [plays[0], *((name, intent, unexplained(left)) for name, intent, _ in plays[1:])]
    for name, intent, wanted in plays:
        end, unanswered, then = continued(crash, left, intent)
        found += [f"{name}: {each}" for each in unanswered]
        if not wanted(end, then):
            found.append(f"{name}: {end}; never killed: {ending}")
        if end.exit_code == 0 and then.row not in AT_REST and name != "again":
            found.append(f"{name}: is not at rest: {end}")
    return found


def again(crash: Crash, left: State, ending: Ending) -> Wanted:
    """The same command ends as if it had never been killed, but for what is on record as taken back by then."""
    anew = isinstance(crash.intent, Deploy) and crash.intent.restart
    if anew and left.row == Row.AT_REST:
        return lambda end, _: end.exit_code == 0  # nobody can tell whether it is one restart or two that are wanted
    forward = isinstance(crash.intent, Deploy | Flip) and not crash.intent.again and not anew
    if left.row == Row.ANNOUNCED and forward:
        return lambda end, then: end.exit_code == WANTS_AGAIN and then.row == Row.ROLLED_BACK
    if ending.exit_code == WENT_BACK:
        return lambda end, _: end.stands == ending.stands and end.exit_code in {WENT_BACK, WANTS_AGAIN}
    return lambda end, _: end == ending


def rolled_back(crash: Crash, left: State) -> Wanted:
    """`rollback` goes to where the recorded move came from; 5 and nothing changed where there is no such place."""
    origin, to = left.origin, left.to
    first = origin == "none" and left.row in {13, 14, 16, 17, 18}
    back = to if left.row == Row.UNTOUCHED else origin
    emptied = counts(crash.left).get(back) == 0 and left.row != Row.ROLLED_BACK
    if left.row in {1, 3, 5, 6, 7} or first or emptied:
        return lambda end, then: end.exit_code == NEEDS_PERSON and then == left
    good = to if left.row in {4, 9} else origin
    return lambda end, then: end.exit_code == 0 and then.serves == good


def aborted(left: State) -> Wanted:
    """`abort` leaves production with what served before the move; a first deployment takes its rules away."""
    if left.row in {1, 18, 20}:
        return lambda end, then: end.exit_code == 0 and then == left
    if left.origin == "none":
        stays = left.row == Row.SERVED
        return lambda end, then: end.exit_code == 0 and (then.row == (18 if stays else 3))
    good = left.to if left.row == Row.ONTO_UNTOUCHED else left.origin
    return lambda end, then: end.exit_code == 0 and then.serves == good


def unexplained(left: State) -> Wanted:
    """Nothing is done where nobody knows what for."""
    return lambda end, then: end.exit_code == WANTS_NAME and then == left


def retired(left: State) -> Wanted:
    """`retire` moves no traffic, wherever it is asked for, and says 6 while a move is under way."""
    if left.row in {1, 18, 20}:
        return lambda end, then: end.exit_code in {0, NEEDS_PERSON} and then == left  # 5: it had traffic a moment ago
    return lambda end, then: end.exit_code in {0, NEEDS_PERSON, BUSY} and then.shares == left.shares
