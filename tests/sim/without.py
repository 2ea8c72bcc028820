"""The laws of a run with one safeguard taken away: without it the simulation must fail, or it is blind.

Each takes the place of one part of `teal.execute.laws.Laws`, or of the lock; no command can be given one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sim.lock import LOCKSMITH, Locksmith
from sim.scenario import SHIFTS, Command, Kind, Scenario
from teal.execute.guard import Bounds
from teal.execute.laws import LAWS, Laws
from teal.host.lock import Keeper
from teal.model.decision import Decision, Steps
from teal.model.lock import LockRecord, Waiting
from teal.model.run import Deploy, Flip, Intent, Rollback, Run
from teal.model.snapshot import Snapshot
from teal.model.spec import Spec
from teal.model.step import Act, AwaitWhole, Hold, Step, TagDeployment, TagMove, UpdateService, WriteRoute
from teal.model.tags import Outcome, Stage
from teal.plan.facts import Facts
from teal.plan.invariants import broken
from teal.plan.planner import plan
from teal.plan.situation import Row, classify

NEVER = 1_000_000
Change = Callable[[tuple[Step, ...]], tuple[Step, ...]]


class Thief(Keeper):
    """A lock that is taken at once, whoever has it."""

    def _waiting(self, record: LockRecord, now_s: float) -> Waiting | None:
        super()._waiting(record, now_s)
        return None


class Careless(Keeper):
    """A lock that was taken from somebody, who is then forgotten."""

    def unsettled(self) -> str:
        """Name nobody."""
        return ""


class UnboundedActs(Bounds):
    """The same act may be done for ever."""

    same_act = NEVER


class UnboundedQuestions(Bounds):
    """The same wait or question may be begun for ever."""

    same_question = NEVER


class UnboundedSteps(Bounds):
    """A run may have any number of steps."""

    steps_per_planned = NEVER


class UnboundedFalls(Bounds):
    """A run may fall back for ever."""

    same_fall = NEVER


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


def _waits_for_nothing(percent: Callable[[float], int]) -> Laws:
    """Return the laws of a planner that waits for nothing at all before each shift."""

    def waiting(intent: Intent, spec: Spec, snapshot: Snapshot, run: Run, now_s: float) -> Decision:
        decision = plan(intent, spec, snapshot, run, now_s)
        first = decision.steps[0] if isinstance(decision, Steps) else None
        if not isinstance(decision, Steps) or not isinstance(first, TagMove) or first.tag.stage is not Stage.SHIFT:
            return decision
        nothing = Hold(slot=first.tag.to, percent=percent(now_s), lasts_s=0.0, until_s=None)
        return replace(decision, steps=(nothing, *decision.steps))

    return replace(LAWS, plan=waiting)


def _falling(intent: Intent, spec: Spec, snapshot: Snapshot, run: Run, now_s: float) -> Decision:
    """Decide to take a percent back instead of holding what was given, and another one, and so on."""
    decision, situation = plan(intent, spec, snapshot, run, now_s), classify(spec, snapshot)
    forward = isinstance(intent, Deploy | Flip) and run.turn_back is None
    if not isinstance(decision, Steps) or situation.row is not Row.STEP or not forward:
        return decision
    percent = int(100 * min(situation.shares)) - 1
    shares = ((situation.to.other, 100 - percent), (situation.to, percent))
    lower = (WriteRoute(index=n, route=str(route.spec), shares=shares) for n, route in enumerate(snapshot.routes))
    return replace(decision, steps=tuple(lower))


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Laws without a safeguard, the weather in which it counts, and the rule that must break."""

    breaks: str
    laws: Laws = LAWS
    smith: Locksmith = LOCKSMITH
    weather: Callable[[Scenario], Scenario] = as_drawn
    first: int = 0  # a seed that is known to notice it
    within: int = 20  # so many seeds: that one, and some more for when what is drawn changes


def _contended(scenario: Scenario) -> Scenario:
    """Return a scenario in which several machines that fall asleep want the same lock."""
    sleepy = {Kind.PAUSE: 1.0, Kind.SLOW: 0.3}
    weather = replace(scenario, rates=sleepy, of_writes=0.2, of_reads=0.01, of_store=0.0, outages_s=(), disturbances=())
    return replace(weather, locked=True, lock_wait_s=tuple(900.0 for _ in scenario.deployers), longest_sleep_s=1800.0)


def _overtaken(scenario: Scenario) -> Scenario:
    """Return a scenario in which a rollback overtakes a deployment whose machine falls asleep over its writes."""
    deploy = Command(image="3", intent=Deploy(replace=True, again=True), after_s=0.0)
    rollback = Command(image="3", intent=Rollback(), after_s=scenario.seed % 10 * 10.0)
    weather = replace(_contended(scenario), state="adopted", shift=SHIFTS[2], deployers=((deploy,), (rollback,)))
    weather = replace(weather, of_writes=0.2, of_reads=0.0, longest_sleep_s=280.0)
    zeros = (0.0, 0.0)
    return replace(weather, clock_jumps_s=zeros, clock_sets_s=((), ()), signal_after_s=zeros, lock_wait_s=zeros)


def _slow(scenario: Scenario) -> Scenario:
    return replace(scenario, routes=2, rates={Kind.SLOW: 1.0}, of_reads=0.1, of_writes=0.25)


def _stepped(scenario: Scenario) -> Scenario:
    return replace(scenario, shift=SHIFTS[2])


def _forgetful(scenario: Scenario) -> Scenario:
    return replace(scenario, rates={Kind.STALE: 1.0}, of_reads=0.2, of_writes=0.0, disturbances=())


WITHOUT = {
    "the look at the lease before a request is sent": Missing(
        smith=replace(LOCKSMITH, guard=lambda before, _lease: before),
        weather=_contended,
        breaks="nobody writes whom the lock does not name",
        first=2,
        within=40,
    ),
    "the wait before a lease is stolen": Missing(
        smith=replace(LOCKSMITH, keeper=Thief),
        weather=_contended,
        breaks="nobody writes whom the lock does not name",
        first=33,
        within=30,
    ),
    "the watch of a rollback that pre-empted": Missing(
        smith=replace(LOCKSMITH, keeper=Careless),
        weather=_overtaken,
        breaks="a way back has the last word",
        first=98,
        within=70,
    ),
    "read-back": Missing(laws=replace(LAWS, seen=_trusting), weather=_forgetful, breaks="no run goes in circles"),
    "re-read before write": Missing(
        laws=replace(LAWS, fresh_look_s=1e9, broken=_only("I9")), weather=_slow, breaks="I9", first=1
    ),
    "fixed route order": Missing(laws=_planned(_any_order), breaks="routes are written in their order"),
    "`.back` after the weights": Missing(
        laws=_planned(_recorded_first), breaks="`.back` is tagged after the weights", first=11, within=30
    ),
    "the latched verdict": Missing(
        laws=replace(LAWS, plan=_unlatched), breaks="the verdict to go back is latched", first=193
    ),
    "the hold before capacity is touched": Missing(
        laws=replace(_planned(_at_once), broken=_only("I4")), breaks="I4", first=93
    ),
    "the hold of each weight": Missing(laws=_planned(_unheld), breaks="every weight is held"),
    "the floor under capacity": Missing(laws=replace(_planned(_small), broken=_only("I5")), breaks="I5"),
    "the bound on one act": Missing(
        laws=replace(_planned(_in_circles), bounds=UnboundedActs), breaks="no write is repeated over and over"
    ),
    "the bound on one question": Missing(
        laws=replace(_waits_for_nothing(lambda _: 0), bounds=UnboundedQuestions),
        breaks="nothing is asked over and over",
    ),
    "the bound on all steps": Missing(
        laws=replace(_waits_for_nothing(lambda now_s: int(10 * now_s)), bounds=UnboundedSteps),
        breaks="a run is no longer than its plan allows",
    ),
    "the bound on falls": Missing(
        laws=replace(LAWS, plan=_falling, bounds=UnboundedFalls),
        weather=_stepped,
        breaks="no run falls back over and over",
    ),
}
