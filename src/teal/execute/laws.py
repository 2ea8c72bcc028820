"""What a run goes by: who decides, what forbids, what counts as seen, how fresh a look must be, and what bounds a run.

There is one set of laws, `LAWS`, and no command takes another. They are a value so that the simulation can take one
away at a time: a simulation that does not fail without a safeguard would not have noticed that it is missing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from teal.execute.guard import Bounds
from teal.execute.seen import seen
from teal.model.decision import Decision
from teal.model.run import Intent, Run
from teal.model.snapshot import Snapshot
from teal.model.spec import Spec
from teal.model.step import Act, Step
from teal.plan.facts import Facts
from teal.plan.invariants import FRESH_LOOK_S, broken
from teal.plan.planner import plan


class Plans(Protocol):
    """Decides what is done next."""

    def __call__(self, intent: Intent, spec: Spec, snapshot: Snapshot, run: Run, now_s: float) -> Decision:
        """Return steps, nothing, or why not."""
        ...


class Forbids(Protocol):
    """Says which invariant a step would break."""

    def __call__(self, intent: Intent, facts: Facts, step: Step, *, going_back: bool = False) -> str:
        """Return the invariant as a sentence; empty when none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Laws:
    """The safeguards of a run."""

    plan: Plans = plan
    broken: Forbids = broken
    seen: Callable[[Act, Snapshot], bool] = seen
    fresh_look_s: float = FRESH_LOOK_S
    bounds: Callable[[], Bounds] = Bounds


LAWS = Laws()
