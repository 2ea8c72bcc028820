"""The laws of a run with one safeguard taken away: without it the simulation must fail, or it is blind.

Each takes the place of one part of `teal.execute.laws.Laws`; no command can be given one. Still to come with the lock:
the lease check before a request is sent, the wait before a lease is stolen, and the watch of a rollback that pre-empts.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sim.scenario import Kind, Scenario
from teal.execute.guard import Bounds
from teal.execute.laws import LAWS, Laws
from teal.model.decision import Decision, Steps
from teal.model.run import Intent, Run
from teal.model.snapshot import Snapshot
from teal.model.spec import Spec
from teal.model.step import Act, AwaitWhole, Hold, Step, TagDeployment, UpdateService, WriteRoute
from teal.model.tags import Outcome
from teal.plan.facts import Facts
from teal.plan.invariants import broken
from teal.plan.planner import plan
from teal.plan.situation import Situation

Change = Callable[[tuple[Step, ...]], tuple[Step, ...]]


class Endless(Bounds):
    """Bounds that bound nothing."""

    def count(self, step: Step, *, endless: bool) -> str:
        """Count, and never mind."""
        super().count(step, endless=endless)
        return ""

    def stand(self, situation: Situation, *, going_back: bool) -> str:
        """Look, and never mind."""
        super().stand(situation, going_back=going_back)
        return ""


def as_drawn(scenario: Scenario) -> Scenario:
    """Return a scenario as its seed has it."""
    return scenario


def _planned(change: Change) -> Laws:
    def changed(intent: Intent, spec: Spec, snapshot: Snapshot, run: Run, now_s: float) -> Decision:
        decision = plan(intent, spec, snapshot, run, now_s)
        return replace(decision, steps=change(decision.steps)) if isinstance(decision, Steps) else decision

    return replace(LAWS, plan=changed)


def _only(*forbidden: str) -> Callable[..., str]:
    """Return the guard without some of its invariants."""

    def guarded(intent: Intent, facts: Facts, step: Step, *, going_back: bool = False) -> str:
        problem = broken(intent, facts, step, going_back=going_back)
        return "" if problem.startswith(forbidden) else problem

    return guarded


def _trusting(_step: Act, _snapshot: Snapshot) -> bool:
    return True


def _any_order(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the steps with the first run of writes to routes turned round."""
    first = next((n for n, step in enumerate(steps) if isinstance(step, WriteRoute)), len(steps))
    last = first
    while last < len(steps) and isinstance(steps[last], WriteRoute):
        last += 1
    return (*steps[:first], *reversed(steps[first:last]), *steps[last:])


def _recorded_first(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the steps with what says `.back` ahead of everything."""
    back = tuple(step for step in steps if isinstance(step, TagDeployment) and step.tag.outcome is Outcome.BACK)
    return (*back, *(step for step in steps if step not in back))


def _unlatched(intent: Intent, spec: Spec, snapshot: Snapshot, run: Run, now_s: float) -> Decision:
    return plan(intent, spec, snapshot, replace(run, turn_back=None), now_s)


def _at_once(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the steps without the wait before a slot that had weight is touched."""
    return tuple(step for step in steps if not (isinstance(step, Hold) and step.cooling))


def _unheld(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the steps with no weight held, nor the last one baked."""
    return tuple(step for step in steps if not isinstance(step, Hold) or step.cooling)


def _small(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the steps with slots no larger than one task."""
    return tuple(replace(step, count=1) if isinstance(step, UpdateService) else step for step in steps)


def _in_circles(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the steps of a planner that is wrong about the world: what it waits for it first asks for once more."""
    waits = [step for step in steps[:1] if isinstance(step, AwaitWhole)]
    again = (
        UpdateService(
            slot=wait.slot, service=f"shop-{wait.slot}", family="shop", revision=None, count=wait.count, settings=False
        )
        for wait in waits
    )
    return (*again, *steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Laws without a safeguard, the weather in which it counts, and the rule that must break."""

    laws: Laws
    breaks: str
    weather: Callable[[Scenario], Scenario] = as_drawn


def _slow(scenario: Scenario) -> Scenario:
    return replace(scenario, routes=2, rates={Kind.SLOW: 1.0}, of_reads=0.1, of_writes=0.25)


def _forgetful(scenario: Scenario) -> Scenario:
    return replace(scenario, rates={Kind.STALE: 1.0}, of_reads=0.2, of_writes=0.0, disturbances=())


WITHOUT = {
    "read-back": Missing(
        laws=replace(LAWS, seen=_trusting), weather=_forgetful, breaks="nobody is blamed who was not there"
    ),
    "re-read before write": Missing(
        laws=replace(LAWS, fresh_look_s=1e9, broken=_only("I9")), weather=_slow, breaks="I9"
    ),
    "fixed route order": Missing(laws=_planned(_any_order), breaks="routes are written in their order"),
    "`.back` after the weights": Missing(laws=_planned(_recorded_first), breaks="`.back` is tagged after the weights"),
    "the latched verdict": Missing(laws=replace(LAWS, plan=_unlatched), breaks="the verdict to go back is latched"),
    "the hold before capacity is touched": Missing(laws=replace(_planned(_at_once), broken=_only("I4")), breaks="I4"),
    "the hold of each weight": Missing(laws=_planned(_unheld), breaks="every weight is held"),
    "the floor under capacity": Missing(laws=replace(_planned(_small), broken=_only("I5")), breaks="I5"),
    "the bounds on repetition": Missing(
        laws=replace(_planned(_in_circles), bounds=Endless), breaks="no write is repeated over and over"
    ),
}
