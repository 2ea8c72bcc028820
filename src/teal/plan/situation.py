"""Where things stand, read from AWS alone: the decision table.

What is tagged says what was meant; weights say what is. The stage of the newest move tag, the shares of its target slot
on every route, and the tag of that slot's service name one row of the table below, whoever asks, however the run before
ended. Rows 2, 22 and 23 are what cannot be explained: there nobody guesses.

    row  stage          shares of `to`          service(to)       means
    1    none           100 on one slot         any               at rest, no move on record
    2    none           mixed                   any               unknown
    3    no route       -                       none, bare, back  first deployment: not begun, under way, aborted
    4    prepare        0…0                     other .served     slot untouched, previous revision whole
    5    prepare        0…0                     other, none       slot untouched or unknown; nothing good in it
    6    prepare        0…0                     this, bare        starting
    7    held           0…0                     this, bare        held
    8    prepare, held  any                     this .back        going back, interrupted
    9    prepare        any > 0                 other .served     rollback onto the untouched revision, interrupted
    10   prepare, held  any > 0                 this, bare        a late forward write
    11   shift          0…0                     this, bare        not begun, or taken back and killed
    12   shift          any                     this .back        going back, interrupted
    13   shift          all equal, 0 < x < 100  this, bare        at step x
    14   shift          two adjacent weights    this, bare        forward write interrupted
    15   shift          any other mixture       this, bare        going back, interrupted, or a race
    16   shift          100…100                 this, bare        baking
    17   shift          100…100                 this .served      done but for its tag
    18   done           100…100                 this .served      at rest, `from` warm
    19   shift, done    less than 100…100       this .served      rollback interrupted
         done           any                     this .back        rollback interrupted
    20   back           0…0                     this .back        rolled back, at rest
    21   back           any > 0                 this              a late forward write
         back           any                     this, not .back   the same, undone and not yet recorded
    22   all but prepare any                    other, none       service made anew behind teal
    23   anything else                                            unknown

Row 19 is never a first deployment's that is done and served: it has nothing to go back to. That is row 23.
"""

from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from teal.model.identity import Slot
from teal.model.snapshot import RouteState, Snapshot
from teal.model.spec import Spec
from teal.model.tags import DeploymentTag, MoveTag, Outcome, Stage
from teal.plan.drift import shape_drift


class Row(IntEnum):
    """The rows of the table above, by name."""

    UNRECORDED = 1
    MIXED = 2
    NO_ROUTE = 3
    UNTOUCHED = 4
    NOTHING_GOOD = 5
    STARTING = 6
    HELD = 7
    UNPREPARING = 8
    ONTO_UNTOUCHED = 9
    LATE_WRITE = 10
    ANNOUNCED = 11
    GOING_BACK = 12
    STEP = 13
    WRITING = 14
    MIXTURE = 15
    BAKING = 16
    SERVED = 17
    AT_REST = 18
    ROLLING_BACK = 19
    ROLLED_BACK = 20
    LATE_AFTER = 21
    REMADE = 22
    UNKNOWN = 23


MEANINGS = {
    Row.UNRECORDED: "at rest, no move on record",
    Row.MIXED: "unknown: no move on record, yet traffic is mixed",
    Row.NO_ROUTE: "no production rule yet",
    Row.UNTOUCHED: "a deployment was announced; the idle slot is untouched and holds the previous revision",
    Row.NOTHING_GOOD: "a deployment was announced; the idle slot holds nothing good",
    Row.STARTING: "starting",
    Row.HELD: "held, waiting for flip or abort",
    Row.UNPREPARING: "going back, interrupted",
    Row.ONTO_UNTOUCHED: "rollback onto the untouched revision, interrupted",
    Row.LATE_WRITE: "a late forward write in a move that has not shifted",
    Row.ANNOUNCED: "announced a shift that has not begun, or was taken back and killed",
    Row.GOING_BACK: "going back, interrupted",
    Row.STEP: "shifting",
    Row.WRITING: "a forward write was interrupted",
    Row.MIXTURE: "going back, interrupted, or two writers raced",
    Row.BAKING: "baking",
    Row.SERVED: "done but for its tag",
    Row.AT_REST: "at rest",
    Row.ROLLING_BACK: "rollback interrupted",
    Row.ROLLED_BACK: "rolled back, at rest",
    Row.LATE_AFTER: "a late forward write after going back",
    Row.REMADE: "unknown: the service was made anew behind teal",
    Row.UNKNOWN: "unknown",
}
UNKNOWN_ROWS = frozenset({Row.MIXED, Row.REMADE, Row.UNKNOWN})
RESTING_ROWS = frozenset({Row.UNRECORDED, Row.AT_REST, Row.ROLLED_BACK})
INTERRUPTED_ROWS = frozenset({Row.UNPREPARING, Row.GOING_BACK, Row.MIXTURE, Row.ROLLING_BACK, Row.LATE_AFTER})
FINISHED_FIRST_ROWS = INTERRUPTED_ROWS | {Row.ONTO_UNTOUCHED, Row.LATE_WRITE}  # whatever is asked
SPLIT_ROWS = frozenset({Row.LATE_WRITE, Row.STEP, Row.WRITING, Row.MIXTURE})
FULL = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One row of the decision table, with what it was read from."""

    row: Row
    move: MoveTag | None
    to: Slot  # where the move goes, or where the next one would go
    origin: Slot | None  # where it came from, or what serves; None: nothing
    shares: tuple[Fraction, ...]  # of `to`, per route in order
    deployment: DeploymentTag | None  # of service(to)

    @property
    def meaning(self) -> str:
        """The row in words."""
        return MEANINGS[self.row]

    @property
    def live(self) -> Slot | None:
        """The slot with all the traffic; None while it is split, unknown or nobody's."""
        if self.row is Row.NO_ROUTE or not self.shares:
            return None
        if all(share == FULL for share in self.shares):
            return self.to
        return self.origin if not any(self.shares) else None

    @property
    def idle(self) -> Slot | None:
        """The slot without traffic; None while there is none."""
        return self.live.other if self.live else None


def share_of(snapshot: Snapshot, route: RouteState, slot: Slot) -> Fraction:
    """Return the share of `slot` on a route; 0 where the rule or the group does not exist."""
    group = snapshot.slot(slot).group(route.spec.group_key).group
    if route.rule is None or route.rule.forward is None or group is None:
        return Fraction(0)
    return route.rule.forward.share(group.arn)


Shares = tuple[Fraction, ...]


def classify(spec: Spec, snapshot: Snapshot) -> Situation:
    """Return the one row of the decision table that `snapshot` is in."""
    if not snapshot.rules:
        return _without_routes(snapshot)
    move = snapshot.move
    if move is None:
        return _without_move(snapshot)
    counted = [r for r in snapshot.routes if r.rule is not None or (move.origin is None and move.stage is Stage.SHIFT)]
    own = [route for route in counted if not shape_drift(snapshot, route)]  # what is not, tells nothing of this move
    shares = tuple(share_of(snapshot, route, move.to) for route in own or counted)
    deployment = snapshot.slot(move.to).deployment if snapshot.services_known else _assumed(move)
    this = deployment is not None and deployment.id == move.id
    outcome = deployment.outcome if deployment else None
    row = _ROWS[move.stage](shares, outcome, this, steps_of(spec, move))
    if move.origin is None and _taken_by_others(row, move.stage, outcome, shares):
        row = Row.UNKNOWN  # what it created is not deleted for that
    return Situation(row=row, move=move, to=move.to, origin=move.origin, shares=shares, deployment=deployment)


def _taken_by_others(row: Row, stage: Stage, outcome: Outcome | None, shares: Shares) -> bool:
    """Say whether somebody else took weight from a first deployment: teal takes all of a route's, or none at all."""
    served = row is Row.ROLLING_BACK and outcome is Outcome.SERVED
    split = not set(shares) <= {Fraction(0), FULL}
    return (served and (split or stage is Stage.DONE)) or (row is Row.MIXTURE and split)


def _assumed(move: MoveTag) -> DeploymentTag | None:
    """Return the deployment tag that goes with a move, where ECS does not answer a way back that needs none of it.

    Nothing is assumed of `prepare`: weight on its slot may be a rollback onto the untouched revision, half done.
    """
    outcomes = {
        Stage.HELD: Outcome.BARE,
        Stage.SHIFT: Outcome.BARE,
        Stage.DONE: Outcome.SERVED,
        Stage.BACK: Outcome.BACK,
    }
    outcome = outcomes.get(move.stage)
    return DeploymentTag(id=move.id, revision=0, outcome=outcome) if outcome is not None else None


def _without_routes(snapshot: Snapshot) -> Situation:
    tagged = [slot for slot in Slot if snapshot.slot(slot).deployment]
    to = tagged[0] if tagged else Slot.A
    deployment = snapshot.slot(to).deployment
    served = any(
        tag is not None and tag.outcome is Outcome.SERVED for tag in (snapshot.slot(slot).deployment for slot in Slot)
    )
    return Situation(
        row=Row.UNKNOWN if served or len(tagged) > 1 else Row.NO_ROUTE,
        move=None,
        to=to,
        origin=None,
        shares=(),
        deployment=deployment,
    )


def _without_move(snapshot: Snapshot) -> Situation:
    existing = [route for route in snapshot.routes if route.rule is not None]
    for live in Slot:
        if all(share_of(snapshot, route, live) == FULL for route in existing):
            to = live.other
            none = tuple(Fraction(0) for _ in existing)
            tag = snapshot.slot(to).deployment
            return Situation(row=Row.UNRECORDED, move=None, to=to, origin=live, shares=none, deployment=tag)
    mixed = tuple(share_of(snapshot, route, Slot.B) for route in existing)
    tag = snapshot.slot(Slot.B).deployment
    return Situation(row=Row.MIXED, move=None, to=Slot.B, origin=None, shares=mixed, deployment=tag)


def steps_of(spec: Spec, move: MoveTag) -> tuple[Fraction, ...]:
    """Return the shares that a forward flip passes through, 0 first."""
    if move.origin is None:
        return Fraction(0), FULL
    return _passed_through(tuple(step.percent for step in spec.deploy.shift))


@lru_cache(maxsize=64)
def _passed_through(percents: tuple[int, ...]) -> tuple[Fraction, ...]:
    return Fraction(0), *(Fraction(percent, 100) for percent in percents)


def _prepare(shares: Shares, outcome: Outcome | None, this: bool, _: Shares) -> Row:  # noqa: FBT001 - a table's column
    moved = any(shares)
    match this, outcome:
        case True, Outcome.BARE:
            return Row.LATE_WRITE if moved else Row.STARTING
        case True, Outcome.BACK:
            return Row.UNPREPARING
        case False, Outcome.SERVED:
            return Row.ONTO_UNTOUCHED if moved else Row.UNTOUCHED
        case False, _:
            return Row.UNKNOWN if moved else Row.NOTHING_GOOD
        case _:
            return Row.UNKNOWN


def _held(shares: Shares, outcome: Outcome | None, this: bool, _: Shares) -> Row:  # noqa: FBT001 - a table's column
    match this, outcome:
        case False, _:
            return Row.REMADE
        case True, Outcome.BACK:
            return Row.UNPREPARING
        case True, Outcome.BARE:
            return Row.LATE_WRITE if any(shares) else Row.HELD
        case _:
            return Row.UNKNOWN


def _shift(shares: Shares, outcome: Outcome | None, this: bool, steps: Shares) -> Row:  # noqa: FBT001 - likewise
    full = all(share == FULL for share in shares)
    match this, outcome:
        case False, _:
            return Row.REMADE
        case True, Outcome.BACK:
            return Row.GOING_BACK
        case True, Outcome.SERVED:
            return Row.SERVED if full else Row.ROLLING_BACK
        case _ if full:
            return Row.BAKING
        case _:
            return _shifting(shares, steps)


def _shifting(shares: Shares, steps: Shares) -> Row:
    if not any(shares):
        return Row.ANNOUNCED
    if len(set(shares)) == 1:
        return Row.STEP
    pairs = set(pairwise(steps))
    falling = all(first >= second for first, second in pairwise(shares))
    return (
        Row.WRITING
        if falling and (min(shares), max(shares)) in pairs and set(shares) == {min(shares), max(shares)}
        else Row.MIXTURE
    )


def _done(shares: Shares, outcome: Outcome | None, this: bool, _: Shares) -> Row:  # noqa: FBT001 - a table's column
    full = all(share == FULL for share in shares)
    match this, outcome:
        case False, _:
            return Row.REMADE
        case True, Outcome.BACK:
            return Row.ROLLING_BACK
        case True, Outcome.SERVED:
            return Row.AT_REST if full else Row.ROLLING_BACK
        case _:
            return Row.UNKNOWN


def _back(shares: Shares, outcome: Outcome | None, this: bool, _: Shares) -> Row:  # noqa: FBT001 - a table's column
    if not this:
        return Row.REMADE
    return Row.LATE_AFTER if any(shares) or outcome is not Outcome.BACK else Row.ROLLED_BACK


_ROWS = {Stage.PREPARE: _prepare, Stage.HELD: _held, Stage.SHIFT: _shift, Stage.DONE: _done, Stage.BACK: _back}
