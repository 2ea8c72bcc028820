"""The bounds that no run exceeds, and the other run that it meets.

A plan that keeps asking for the same step, or keeps falling back behind where it was, is wrong about the world; a
person must look. Three bounds: the same act at most three times (a wait or a question, which changes nothing, ten);
all steps together at most three times the plan that was shown, and ten; a fall of the same kind at most three times.
A tag that is written once more over an earlier one of the run's own, which came late, counts for nothing: each lost
answer can come once.
"""

from collections import Counter
from collections.abc import Collection
from fractions import Fraction

from teal.errors import BusyError, DriftError
from teal.model.change import Change
from teal.model.identity import Slot
from teal.model.run import Run
from teal.model.snapshot import SlotState, Snapshot
from teal.model.spec import Spec
from teal.model.step import Act, Step
from teal.model.tags import ADOPTED_ID, DeploymentTag, MoveTag, Stage
from teal.plan.situation import FULL, Situation, classify, share_of, steps_of

FEWEST_STEPS = 10
_STAGES = {Stage.BACK: 0, Stage.PREPARE: 1, Stage.HELD: 2, Stage.SHIFT: 3, Stage.DONE: 5}


class Bounds:
    """Counts the steps of one run, and how often it falls back."""

    same_act = 3
    same_question = 10
    same_fall = 3
    steps_per_planned = 3

    def __init__(self) -> None:
        self._same: Counter[str] = Counter()
        self._falls: Counter[str] = Counter()
        self._total = 0
        self._limit = 0
        self._stood: tuple[bool, Fraction, str] | None = None

    def expect(self, steps: int) -> None:
        """Take the length of a plan that a person was shown as the measure of what it may come to."""
        self._limit += self.steps_per_planned * steps + FEWEST_STEPS

    def count(self, step: Step, *, endless: bool) -> str:
        """Count one step and return how it goes in circles, if it does; else an empty text.

        `endless` steps (the writes of a way back) are repeated as long as it takes, and are not counted.
        """
        if endless:
            return ""
        key = step_key(step)
        self._same[key] += 1
        self._total += 1
        limit = self.same_act if isinstance(step, Act) else self.same_question
        if self._same[key] <= limit and self._total <= max(self._limit, FEWEST_STEPS):
            return ""
        return f"going in circles: {step.sentence()} was planned {self._same[key]} times in {self._total} steps"

    def forgive(self, step: Step) -> None:
        """Take one back: AWS was busy, which says nothing of the plan."""
        self._same[step_key(step)] -= 1
        self._total -= 1

    def stand(self, situation: Situation, *, going_back: bool) -> str:
        """Note where a run stands and return how it keeps falling back, if it does; else an empty text.

        A run that turns back has its own way; where that begins is no fall. Nor is what happens within one row of it:
        a rollback onto an untouched slot raises the share of `to`, route by route.
        """
        rank, row = rank_of(situation, going_back=going_back), situation.row.name
        before, self._stood = self._stood, (going_back, rank, row)
        if before is None or before[0] is not going_back or rank >= before[1] or (going_back and row == before[2]):
            return ""
        fall = f"{before[2]} → {row}"
        self._falls[fall] += 1
        if self._falls[fall] <= self.same_fall:
            return ""
        return f"going in circles: it fell back {self._falls[fall]} times from {fall}"


def rank_of(situation: Situation, *, going_back: bool) -> Fraction:
    """Return how far a run has come: stage and share of `to`; on a way back, how little `to` has left."""
    shares = situation.shares
    share = sum(shares, Fraction(0)) / len(shares) if shares else Fraction(0)
    if going_back:
        return 1 - share
    return share + (_STAGES[situation.move.stage] if situation.move is not None else 0)


def step_key(step: Step) -> str:
    """Return a text that is equal for equal steps."""
    return f"{type(step).__name__}: {step.sentence()}"


def other_deployer(own: MoveTag | None, before: Snapshot, after: Snapshot) -> str:
    """Say whether the move on record is not the one this run wrote last.

    An older one is a stale read, not news; nor is one of the same second that this run has written over.
    """
    move = after.move
    if own is None or move is None or move in {own, before.move} or move.entered_at_s < own.entered_at_s:
        return ""
    return f"another run went on with this app: {move}"


def refuse_newcomer(
    run: Run, first: Snapshot, before: Snapshot, after: Snapshot, written: Collection[str] = ()
) -> None:
    """Leave the app to whoever has brought something to one of its slots since the `first` look of this run.

    An older tag is a stale read, not news. Nor is one of the move that was on record at the first look: it was there,
    or announced, before this run began. The move on record alone tells it too, but only where there are rules to hold
    one and this run has written its own; a run that goes on with a move which then ends has written none. Of a slot
    whose tags somebody removed, what it has `written` (as keys of `value_of`) tells.

    Raises:
        BusyError: a slot is to hold what another run brings.
    """
    known = {run.id, ADOPTED_ID, *(move.id for move in (first.move, run.own_move) if move is not None)}
    for slot in Slot:
        now, met = after.slot(slot).deployment, _ids(first.slot(slot))
        if now is None or now.id in known | met:
            continue
        announced = after.move is not None and after.move.id == now.id
        untagged = before.slot(slot).deployment is None and f"tag:{slot}" in written
        if announced or untagged or _replaces(run.id, now, met, before.slot(slot), after.slot(slot)):
            message = f"another run went on with this app: slot {slot} is to hold its revision {now.revision}"
            raise BusyError(message, hint="`teal status` shows where things stand")


def _ids(state: SlotState) -> set[str]:
    return {tag.id for tag in (state.deployment, state.before) if tag is not None}


def _replaces(run_id: str, now: DeploymentTag, met: set[str], before: SlotState, after: SlotState) -> bool:
    """Say whether a tag can only be newer than the one before, whatever the move on record is.

    One that is older than this run's was `met` at the first look; one that is older than another's was there before
    those that were met: what it replaced, they replaced.
    """
    was, over = before.deployment, after.before
    if was is None:
        return before.service is None
    if now.id in _ids(before):
        return False
    newer = over is not None and (over.id == was.id or over.id not in met | _ids(before))
    return newer or was.id == run_id or now.revision > was.revision


def taken_back(spec: Spec, own: MoveTag | None, before: Snapshot, after: Snapshot) -> bool:
    """Say whether another run took this run's very move back, and no weight was changed to what no run of it writes."""
    move = after.move
    if own is None or move is None or move.id != own.id or not (move.stage is Stage.BACK is not own.stage):
        return False
    return not strange_weights(spec, own, before, after)


def strange_weights(spec: Spec, move: MoveTag | None, before: Snapshot, after: Snapshot) -> frozenset[int]:
    """Return the routes whose weights have become what no run of a move writes."""
    if move is None:
        return frozenset()
    written = _written(spec, move)
    pairs = enumerate(_changes(move, before, after))
    return frozenset(index for index, (was, now) in pairs if was != now and now not in written)


def _written(spec: Spec, move: MoveTag) -> set[tuple[Fraction, Fraction]]:
    """Return what the runs of a move make of a route: the share of the slot it goes to, and of the other."""
    gone = {(Fraction(0), Fraction(0))} if move.origin is None else set[tuple[Fraction, Fraction]]()
    return gone | {(share, FULL - share) for share in steps_of(spec, move)}


def _changes(
    move: MoveTag, before: Snapshot, after: Snapshot
) -> list[tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]]:
    """Return, for each route, the shares of the slot that a move goes to and of the other, before and after."""
    was, now = (
        [(share_of(seen, route, move.to), share_of(seen, route, move.to.other)) for route in seen.routes]
        for seen in (before, after)
    )
    return list(zip(was, now, strict=True))


def shows_again(own: MoveTag | None, before: Snapshot, after: Snapshot) -> bool:
    """Say whether a look is stale: it shows a move older than one of this run's that the look before it showed."""
    known, move = before.move, after.move
    if own is None or known is None or known.id != own.id:
        return False
    if move is None or move.entered_at_s < known.entered_at_s:
        return True
    return move.id != known.id and move.entered_at_s == known.entered_at_s  # tags know whole seconds


def tags_removed(own: MoveTag | None, before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """Return the change that took this run's move off the record; without its tags all would look at rest."""
    if own is None or before.move is None or after.move is not None or not after.rules:
        return ()
    return (Change(where="the production rules", field="the tag of the move", before=str(before.move), after="none"),)


def refuse_foreign(spec: Spec, before: frozenset[Fraction], snapshot: Snapshot) -> None:
    """Refuse to write over shares that were not there `before` and that no step of the run that was pre-empted has.

    Raises:
        DriftError: a route has a value that the run which was stopped cannot have written.
    """
    steps = {Fraction(step.percent, 100) for step in spec.deploy.shift}
    own = before | steps | {1 - share for share in steps} | {Fraction(0), Fraction(1)}
    for route in snapshot.routes:
        found = {share_of(snapshot, route, slot) for slot in Slot}
        if not found <= own:
            shares = " and ".join(f"{float(100 * share):g} %" for share in sorted(found))
            message = f"drift: {route.spec} was given {shares} meanwhile, which is no step of the run that was stopped"
            raise DriftError(message, hint="look at who changed it; `teal rollback` goes back from there")


def late_weights(spec: Spec, move: MoveTag | None, before: Snapshot, after: Snapshot) -> frozenset[int]:
    """Return the routes that have become what a run of `move`, which is being taken back, may have had under way.

    Nothing is under way of a move that has not touched its slot, nor of one that is no longer on record.
    """
    now = classify(spec, after)
    if move is None or move.origin is None or now.move is None or now.deployment is None:
        return frozenset()
    if not move.id == now.move.id == now.deployment.id:
        return frozenset()
    written = _written(spec, move)
    pairs = enumerate(_changes(move, before, after))
    return frozenset(index for index, (was, found) in pairs if was != found and found in written)
