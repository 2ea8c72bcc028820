"""Since when the weights stand as they do: what every hold, bake and rest counts from, so that none is too short.

A hold is the time that the load balancer has to take a weight up, so it begins when AWS has acknowledged the write. A
run remembers that, or the look that first showed what it did not hear of. Of what others wrote it has only the tag of
the move:

- Every stage but `shift` is tagged after the weights that it speaks of: they stand since the tag's second at the
  latest, and a second has an end.
- `shift` is tagged before its weight. A run sends a weight within a minute of announcing it, or announces it anew, and
  AWS refuses a request five minutes after its signature: the weight stands since then, or since the first look at it.
- Where the weights are not those that the tag speaks of, they stand since the first look, for all that is known.
"""

from teal.model.identity import Slot
from teal.model.run import Run, Weights
from teal.model.snapshot import Snapshot
from teal.model.tags import MoveTag, Stage
from teal.plan.situation import Row, Situation, share_of

SECOND_S = 1.0  # a tag counts whole ones
ANNOUNCED_FOR_S = 60.0  # so long after its tag a weight may be sent: seconds of any clock, in a lab too
REFUSED_AFTER_S = 300.0  # AWS takes no request that was signed so long ago
_TAGGED_AFTER = frozenset({Row.UNTOUCHED, Row.NOTHING_GOOD, Row.STARTING, Row.HELD, Row.AT_REST, Row.ROLLED_BACK})
_TAGGED_BEFORE = frozenset({Row.STEP, Row.BAKING})


def noticed(run: Run, snapshot: Snapshot, situation: Situation, now_s: float) -> Weights:
    """Return what a run knows of the weights once it has seen `snapshot`."""
    before, shares, move = run.weights, _shares(snapshot), snapshot.move
    if before is None:
        since_s = min(_told_s(situation), now_s)
    elif before.shares == shares and move in {before.move, run.own_move}:
        since_s = before.since_s
    else:
        since_s = now_s
    return Weights(shares=shares, move=move, since_s=since_s)


def written(snapshot: Snapshot, now_s: float) -> Weights:
    """Return what a run knows of the weights once AWS has acknowledged its write, which `snapshot` shows."""
    return Weights(shares=_shares(snapshot), move=snapshot.move, since_s=now_s)


def expired(move: MoveTag | None, now_s: float) -> bool:
    """Say whether the weight that a move has announced may not be sent any more before it is announced anew."""
    return move is not None and move.stage is Stage.SHIFT and now_s >= move.entered_at_s + ANNOUNCED_FOR_S


def _told_s(situation: Situation) -> float:
    """Return since when the weights stand at the latest, as the tag of the move says; never, where it does not."""
    move, row = situation.move, situation.row
    if move is not None and row in _TAGGED_AFTER:
        return move.entered_at_s + SECOND_S
    if move is not None and row in _TAGGED_BEFORE:
        return move.entered_at_s + SECOND_S + ANNOUNCED_FOR_S + REFUSED_AFTER_S
    return float("inf")


def _shares(snapshot: Snapshot) -> object:
    return tuple(tuple(share_of(snapshot, route, slot) for slot in Slot) for route in snapshot.routes)
