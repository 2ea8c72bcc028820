"""What a run notices between two looks, and the bounds that no run exceeds.

Movement: within a run, a value that is neither the last one read nor the last one written was written by somebody else.
It is never corrected. Bounds: a plan that keeps asking for the same step is wrong about the world; a person must look.
"""

from collections import Counter
from collections.abc import Set as AbstractSet

from teal.errors import NeedsPersonError
from teal.model.identity import Slot
from teal.model.snapshot import Snapshot
from teal.model.step import Act, Step
from teal.model.tags import MoveTag
from teal.plan.whole import primary_revision

SAME_ACT_LIMIT = 3
SAME_QUESTION_LIMIT = 10


class Bounds:
    """Counts the steps of one run."""

    def __init__(self) -> None:
        self._same: Counter[str] = Counter()
        self._total = 0
        self._limit = 0

    def expect(self, steps: int) -> None:
        """Take the length of a plan that a person was shown as the measure of what it may come to."""
        self._limit += 3 * steps + 10

    def count(self, step: Step, *, endless: bool) -> None:
        """Count one step; `endless` steps (the writes of a way back) are repeated as long as it takes.

        Raises:
            NeedsPersonError: the run goes in circles.
        """
        key = step_key(step)
        self._same[key] += 1
        self._total += 1
        limit = SAME_ACT_LIMIT if isinstance(step, Act) else SAME_QUESTION_LIMIT
        if not endless and (self._same[key] > limit or self._total > max(self._limit, 10)):
            message = f"going in circles: {step.sentence()} was planned {self._same[key]} times in {self._total} steps"
            raise NeedsPersonError(message, hint="`teal status` shows where things stand; nothing more was written")

    def forgive(self, step: Step) -> None:
        """Take one back: AWS was busy, which says nothing of the plan."""
        self._same[step_key(step)] -= 1
        self._total -= 1


def step_key(step: Step) -> str:
    """Return a text that is equal for equal steps."""
    return f"{type(step).__name__}: {step.sentence()}"


def moved_routes(before: Snapshot, after: Snapshot, written: AbstractSet[int]) -> dict[int, str]:
    """Return the routes that somebody else changed between two looks, with what changed, by index."""
    found: dict[int, str] = {}
    for index, (old, new) in enumerate(zip(before.routes, after.routes, strict=True)):
        if index in written or old.rule is None:
            continue
        if new.rule is None:
            found[index] = f"{old.spec} is gone"
        elif old.rule.forward != new.rule.forward:
            found[index] = f"{old.spec} was changed from {old.rule.forward} to {new.rule.forward}"
        elif old.rule.other_actions != new.rule.other_actions:
            found[index] = f"{old.spec}: its other actions were changed"
    return found


def moved_service(before: Snapshot, after: Snapshot, slot: Slot) -> str:
    """Say whether somebody else gave the service of `slot` another task definition; empty when nobody did."""
    old, new = before.slot(slot).service, after.slot(slot).service
    if old is None or (new is not None and primary_revision(old) == primary_revision(new)):
        return ""
    return f"service {old.name} was {'deleted' if new is None else 'updated'} by somebody else"


def other_deployer(own: MoveTag | None, snapshot: Snapshot) -> str:
    """Say whether the move on record is not the one this run wrote last; an older one is a stale read, not news."""
    move = snapshot.move
    if own is None or move is None or move == own or move.entered_at_s < own.entered_at_s:
        return ""
    return f"another run went on with this app: {move}"
