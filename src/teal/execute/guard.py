"""The bounds that no run exceeds, and the other run that it meets.

A plan that keeps asking for the same step is wrong about the world; a person must look.
"""

from collections import Counter

from teal.errors import NeedsPersonError
from teal.model.snapshot import Snapshot
from teal.model.step import Act, Step
from teal.model.tags import MoveTag

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


def other_deployer(own: MoveTag | None, snapshot: Snapshot) -> str:
    """Say whether the move on record is not the one this run wrote last; an older one is a stale read, not news."""
    move = snapshot.move
    if own is None or move is None or move == own or move.entered_at_s < own.entered_at_s:
        return ""
    return f"another run went on with this app: {move}"
