"""All that a decision is made from, in one value, and the few readings of it that several decisions share."""

from dataclasses import dataclass, replace
from fractions import Fraction

from teal.model.identity import Slot
from teal.model.run import Run, Weights
from teal.model.snapshot import SlotState, Snapshot
from teal.model.spec import Spec
from teal.model.workload import TaskDefinition
from teal.plan.difference import equal_among, equal_content
from teal.plan.situation import RESTING_ROWS, Situation, classify
from teal.plan.standing import noticed
from teal.plan.whole import holds, primary_revision

WEIGHT_HOLD_S = 60.0  # on AWS: between a weight and the next; rules reach the data plane in batches of about 10 s
CAPACITY_HOLD_S = 120.0  # on AWS: between weight and anything that takes capacity from the slot that had it
PREPARE_DEADLINE_S = 120.0
SHORTEST_DEADLINE_S = 30.0  # however fast the lab's clock: processes start in real time


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is wanted, what was seen, what this run knows, and what time it is."""

    spec: Spec
    snapshot: Snapshot
    run: Run
    now_s: float
    situation: Situation

    @classmethod
    def of(cls, spec: Spec, snapshot: Snapshot, run: Run, now_s: float) -> "Facts":
        """Return the facts with the situation they are in."""
        return cls(spec=spec, snapshot=snapshot, run=run, now_s=now_s, situation=classify(spec, snapshot))

    def for_next(self) -> "Facts":
        """Return the facts as the next deployment sees them: it goes to the idle slot."""
        live = self.situation.live
        if live is None:
            return self
        idle = replace(
            self.situation,
            to=live.other,
            origin=live,
            shares=tuple(Fraction(0) for _ in self.situation.shares),
            deployment=self.snapshot.slot(live.other).deployment,
        )
        return replace(self, situation=idle)

    @property
    def in_hand(self) -> "Facts":
        """The facts of the move under way; at rest, those of the next one."""
        return self.for_next() if self.situation.row in RESTING_ROWS else self

    @property
    def scale(self) -> float:
        """The factor on every hold: 1 on AWS."""
        return self.snapshot.caller.time_scale

    @property
    def to(self) -> Slot:
        """The slot that the move goes to, or the next one would."""
        return self.situation.to

    @property
    def target(self) -> SlotState:
        """The state of that slot."""
        return self.snapshot.slot(self.situation.to)

    @property
    def revision(self) -> int:
        """The revision that the tag of that slot names; 0, which is none, where there is no tag."""
        return self.situation.deployment.revision if self.situation.deployment is not None else 0

    @property
    def weights(self) -> Weights:
        """What this run knows of the weights that were seen."""
        return noticed(self.run, self.snapshot, self.situation, self.now_s)

    @property
    def stand_since_s(self) -> float:
        """Since when, at the latest, the weights stand as they do."""
        return self.weights.since_s

    def equal_content(self, revision: int) -> bool:
        """Say whether this revision has the content that the configuration asks for."""
        definition = self.snapshot.definition(self.spec.family, revision)
        return definition is not None and equal_content(self.spec.task_definition, definition)

    def registered(self, *, anew: bool) -> TaskDefinition | None:
        """Return the newest revision with the content asked for; with `anew`, only the one this run registered."""
        if self.run.registered is not None:
            return self.snapshot.definition(self.spec.family, self.run.registered)
        if anew:
            return None
        equal = equal_among(self.spec.task_definition, self.snapshot.definitions.values())
        return max(equal, key=lambda definition: definition.revision, default=None)

    def live_revision(self, live: Slot) -> int | None:
        """Return the revision that the live slot holds, or None where it holds none or more than one."""
        state = self.snapshot.slot(live)
        if state.service is None:
            return None
        revision = primary_revision(state.service)
        return revision if holds(self.spec, state, revision) else None

    def count(self) -> int:
        """Return how many tasks green needs: as many as blue, at least what is configured, never fewer than it has."""
        wanted = [self.spec.deploy.count or 1, int(self.spec.service.get("desiredCount") or 1)]
        if self.target.service is not None:
            wanted.append(self.target.service.desired)
        blue = self.snapshot.slot(self.to.other).service
        if blue is not None and self.snapshot.rules:
            wanted += [blue.desired, blue.running]
        return max(wanted)

    def deadline_s(self, configured_s: float, since_s: float) -> float:
        """Return the instant at which a wait that began at `since_s` has lasted too long.

        A run that resumes after a long silence gets the whole time again: nobody waited meanwhile.
        """
        return max(since_s, self.run.started_at_s) + max(configured_s * self.scale, SHORTEST_DEADLINE_S)
