"""What was left unfinished, and what a person would type next: one entry for each row of the decision table.

Nobody can tell a run that was killed from one that goes on elsewhere: an entry says what is unfinished, not who failed.
Each command named here comes to a good end from its row.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from teal.model.snapshot import Snapshot
from teal.model.tags import DeploymentTag, Outcome
from teal.plan.retiring import retired
from teal.plan.situation import Row, Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What is unfinished (empty at rest), the commands that go on from here, and what they do."""

    unfinished: str = ""
    commands: tuple[str, ...]
    does: str


BOTH_WAYS = ("teal rollback --to-slot a", "teal rollback --to-slot b")
_NAME_IT = "names the slot that shall serve"
RULES_GONE = "no production rule exists, and what the slots hold is no first deployment"
_FORWARD_OR_BACK = "the first goes on to the end, the second sends production back"
_FINISH_BACK = "finishes the way back"

NEXT: Mapping[Row, Next] = {
    Row.UNRECORDED: Next(commands=("teal deploy",), does="brings new content to the idle slot"),
    Row.MIXED: Next(
        unfinished="traffic is split and no move on record: its tags are gone", commands=BOTH_WAYS, does=_NAME_IT
    ),
    Row.NO_ROUTE: Next(commands=("teal deploy",), does="makes the first deployment"),
    Row.UNTOUCHED: Next(
        unfinished="a deployment was announced and has touched nothing",
        commands=("teal deploy", "teal abort", "teal rollback"),
        does="goes on; forgets it; or goes back to what the idle slot still holds",
    ),
    Row.NOTHING_GOOD: Next(
        unfinished="a deployment was announced and has touched nothing",
        commands=("teal deploy", "teal abort"),
        does="goes on; or forgets it",
    ),
    Row.STARTING: Next(
        unfinished="a deployment is not whole and tasted yet",
        commands=("teal deploy", "teal abort"),
        does="goes on; or puts back what the slot held",
    ),
    Row.HELD: Next(
        unfinished="a deployment is held, tasted, without traffic",
        commands=("teal flip", "teal abort"),
        does="sends production to it; or ends it",
    ),
    Row.UNPREPARING: Next(
        unfinished="a way back without traffic is not recorded yet", commands=("teal abort",), does=_FINISH_BACK
    ),
    Row.ONTO_UNTOUCHED: Next(
        unfinished="a rollback onto the previous revision has reached some routes",
        commands=("teal rollback",),
        does="finishes it",
    ),
    Row.LATE_WRITE: Next(
        unfinished="a weight arrived late, in a move that has not shifted",
        commands=("teal flip", "teal rollback"),
        does="both undo it; the first then flips",
    ),
    Row.ANNOUNCED: Next(
        unfinished="a shift was announced and shows no weight",
        commands=("teal abort",),
        does="records it as taken back; then `teal flip --again` tastes and flips it",
    ),
    Row.GOING_BACK: Next(unfinished="a way back is not finished", commands=("teal rollback",), does=_FINISH_BACK),
    Row.STEP: Next(unfinished="a flip is half way", commands=("teal flip", "teal rollback"), does=_FORWARD_OR_BACK),
    Row.WRITING: Next(
        unfinished="a flip has reached some routes", commands=("teal flip", "teal rollback"), does=_FORWARD_OR_BACK
    ),
    Row.MIXTURE: Next(
        unfinished="a way back has reached some routes, or two writers raced",
        commands=("teal rollback",),
        does=_FINISH_BACK,
    ),
    Row.BAKING: Next(unfinished="a flip is baking", commands=("teal flip", "teal rollback"), does=_FORWARD_OR_BACK),
    Row.SERVED: Next(
        unfinished="a flip is done but for its record", commands=("teal flip", "teal rollback"), does=_FORWARD_OR_BACK
    ),
    Row.AT_REST: Next(
        commands=("teal rollback", "teal deploy"), does="goes back; or brings new content to the idle slot"
    ),
    Row.ROLLING_BACK: Next(unfinished="a rollback is not finished", commands=("teal rollback",), does=_FINISH_BACK),
    Row.ROLLED_BACK: Next(
        commands=("teal deploy", "teal flip --again"), does="brings new content; or tries what was taken back once more"
    ),
    Row.LATE_AFTER: Next(
        unfinished="a weight arrived late, after production went back", commands=("teal rollback",), does=_FINISH_BACK
    ),
    Row.REMADE: Next(unfinished="the service was made anew behind teal", commands=BOTH_WAYS, does=_NAME_IT),
    Row.UNKNOWN: Next(unfinished="what is there fits no record", commands=BOTH_WAYS, does=_NAME_IT),
}

_FIRST_ON = "the first goes on to the end, the second takes the first deployment back"
NEXT_FIRST: Mapping[Row, Next] = {  # a first deployment has nothing to go back to
    row: Next(unfinished=NEXT[row].unfinished, commands=("teal flip", "teal abort"), does=_FIRST_ON)
    for row in (Row.STEP, Row.WRITING, Row.BAKING)
} | {
    Row.SERVED: Next(unfinished=NEXT[Row.SERVED].unfinished, commands=("teal flip",), does="records it"),
    Row.AT_REST: Next(commands=("teal deploy",), does="brings new content to the idle slot"),
}


def what_next(snapshot: Snapshot, situation: Situation) -> Next:
    """Return what comes next where an app stands."""
    if situation.row is Row.NO_ROUTE:
        return _without_routes(situation.deployment)
    if situation.row is Row.UNKNOWN and not snapshot.rules:
        return Next(unfinished=RULES_GONE, commands=BOTH_WAYS, does=f"creates them, and {_NAME_IT}")
    if situation.origin is None and situation.row in NEXT_FIRST:
        return NEXT_FIRST[situation.row]
    if situation.row is Row.AT_REST and situation.origin is not None and retired(snapshot.slot(situation.origin)):
        return Next(commands=("teal deploy",), does="brings new content, or what was there, to the retired slot")
    return NEXT[situation.row]


def _without_routes(tag: DeploymentTag | None) -> Next:
    if tag is None:
        return NEXT[Row.NO_ROUTE]
    if tag.outcome is Outcome.BARE:
        return Next(
            unfinished="a first deployment has no traffic yet",
            commands=("teal deploy", "teal abort"),
            does="goes on; or ends it",
        )
    return Next(
        commands=("teal deploy", "teal deploy --again"), does="tries other content; or what was taken back once more"
    )
