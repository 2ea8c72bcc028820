"""The way forward: build green, prove it, taste it, flip, bake, finish.

Each function returns the steps that are still missing, judged from what is there; a step whose effect is seen is not in
the plan. So a run that was killed anywhere goes on where it stood.
"""

from collections.abc import Sequence

from teal.model.decision import Steps
from teal.model.identity import Slot
from teal.model.run import Run
from teal.model.snapshot import RouteState
from teal.model.spec import ALL_AT_ONCE, ShiftStep
from teal.model.step import (
    AwaitWhole,
    CreateGroup,
    CreateRoute,
    CreateService,
    CreateTaste,
    Hold,
    PassGate,
    ProbeProduction,
    ProveIdentity,
    Register,
    Step,
    TagDeployment,
    TagMove,
    UpdateService,
    WriteRoute,
)
from teal.model.tags import ADOPTED_ID, DeploymentTag, MoveTag, Outcome, Stage
from teal.model.workload import Service
from teal.plan.facts import CAPACITY_HOLD_S, PREPARE_DEADLINE_S, WEIGHT_HOLD_S, Facts
from teal.plan.situation import Row, share_of
from teal.plan.standing import expired
from teal.plan.whole import primary_revision, whole

PLANNED_REVISION = 0  # stands in a plan for the revision that is still to be registered


def start(facts: Facts, identity: str, revision: int | None, *, hold: bool, seq: int | None = None) -> tuple[Step, ...]:
    """Return the steps of a deployment under `identity`, from nothing or from wherever it stands."""
    steps: list[Step] = [*_set_up(facts), *_cool_down(facts), *_adopt(facts)]
    move = facts.situation.move
    if facts.snapshot.rules and (move is None or move.id != identity):
        steps.append(TagMove(tag=_new_move(facts, identity)))
    if revision is None:
        steps.append(Register(family=facts.spec.family, seq=seq))
    tag = DeploymentTag(id=identity, revision=revision or PLANNED_REVISION)
    return (*steps, *_occupy(facts, tag), *taste(facts, revision), *_hold_or_flip(facts, identity, revision, hold=hold))


def proceed(facts: Facts, *, hold: bool) -> tuple[Step, ...]:
    """Return the steps from a deployment that is under way (rows 3, 6, 7, 11, 13, 14, 16) to its end."""
    tag = facts.situation.deployment
    if tag is None:
        return ()
    if facts.situation.row in {Row.ANNOUNCED, Row.STEP, Row.WRITING, Row.BAKING, Row.SERVED}:
        return (*realign(facts), *_shift(facts, tag.id, tag.revision))
    occupied = rested(facts, _occupy(facts, tag))
    tasted = (*_set_up(facts), *realign(facts), *occupied, *taste(facts, tag.revision))
    return (*tasted, *_hold_or_flip(facts, tag.id, tag.revision, hold=hold))


def over_what_served(facts: Facts) -> Steps | None:
    """Record a first deployment that has served, where somebody has put another revision into its slot since.

    It cannot be seen any more, nor is there anything to go back to; what stands there now is theirs.
    """
    tag, service = facts.situation.deployment, facts.target.service
    if facts.situation.row != Row.SERVED or facts.situation.origin is not None or tag is None or service is None:
        return None
    if primary_revision(service) == tag.revision:
        return None
    ends = f"the move to revision {tag.revision} is done; revision {primary_revision(service)} has its place"
    return Steps(steps=_finish(facts, tag.id, tag.revision), ends=ends, settles=True)


def again(facts: Facts, identity: str) -> tuple[Step, ...]:
    """Return the steps that taste and flip, under a new id, what was taken back."""
    old = facts.situation.deployment
    return start(facts, identity, old.revision, hold=False) if old is not None else ()


def realign(facts: Facts) -> tuple[Step, ...]:
    """Return the step that gives all routes the newest move tag, where they differ."""
    newest = facts.snapshot.move
    if newest is None or all(route.rule is None or route.move == newest for route in facts.snapshot.routes):
        return ()
    return (TagMove(tag=newest),)


def add_routes(facts: Facts) -> tuple[Step, ...]:
    """Return the steps that create configured routes that are missing, straight to the live slot."""
    live = facts.situation.live
    return missing_routes(facts, live) if live is not None else ()


def missing_routes(facts: Facts, slot: Slot) -> tuple[CreateRoute, ...]:
    """Return the steps that create towards `slot` the routes that are missing, as far as the configuration says how."""
    return tuple(
        CreateRoute(index=index, route=str(route.spec), slot=slot, tag=facts.snapshot.move)
        for index, route in enumerate(facts.snapshot.routes)
        if creatable(route)
    )


def creatable(route: RouteState) -> bool:
    """Say whether a route is missing and the configuration says how to make it."""
    return route.rule is None and route.matches == 0 and route.spec.create is not None and route.listener is not None


def _new_move(facts: Facts, identity: str) -> MoveTag:
    return MoveTag(
        id=identity,
        origin=facts.situation.origin,
        to=facts.to,
        stage=Stage.PREPARE,
        entered_at_s=int(facts.now_s),
    )


def _set_up(facts: Facts) -> tuple[Step, ...]:
    groups = (
        CreateGroup(slot=slot, group=group.spec)
        for slot in Slot
        for group in facts.snapshot.slot(slot).groups
        if group.group is None
    )
    return (*groups, *missing_tastes(facts), *add_routes(facts))


def missing_tastes(facts: Facts) -> tuple[Step, ...]:
    """Return the steps that make the taste rules that are not there: without one, ECS takes no update of the slot."""
    return tuple(
        CreateTaste(
            slot=taste.slot,
            group_key=taste.group_key,
            group_name=facts.spec.slot(taste.slot).group(taste.group_key).name,
            listener_arn=taste.listener.arn,
            listener_port=taste.listener.port,
            priority=taste.free_priority,
            by_port=facts.spec.taste.ports is not None,
        )
        for taste in facts.snapshot.tastes
        if taste.rule is None and taste.free_priority is not None
    )


def _cool_down(facts: Facts) -> tuple[Step, ...]:
    """A slot that had weight in the last 120 s is not touched."""
    live = facts.situation.live
    lasts_s = CAPACITY_HOLD_S * facts.scale
    until_s = facts.stand_since_s + lasts_s
    if live is None or facts.target.service is None or until_s <= facts.now_s:
        return ()
    return (Hold(slot=live, percent=100, lasts_s=lasts_s, until_s=until_s, cooling=True),)


def rested(facts: Facts, steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return steps of a move that is under way, after the rest of its slot where they replace what the slot runs."""
    replacing = any(isinstance(step, UpdateService) and step.replaces for step in steps)
    return (*(_cool_down(facts) if replacing else ()), *steps)


def _adopt(facts: Facts) -> tuple[Step, ...]:
    live = facts.situation.live
    if live is None:
        return ()
    state = facts.snapshot.slot(live)
    if state.service is None or state.deployment is not None:
        return ()
    tag = DeploymentTag(id=ADOPTED_ID, revision=primary_revision(state.service), outcome=Outcome.SERVED)
    return (TagDeployment(slot=live, tag=tag),)


def _occupy(facts: Facts, tag: DeploymentTag) -> tuple[Step, ...]:
    """Return the steps that bring the revision of `tag` into the slot, whole and healthy."""
    state = facts.target
    revision = tag.revision or None
    count = facts.count()
    steps: list[Step] = []
    if state.service is None:
        name = facts.spec.slot(facts.to).service
        family = facts.spec.family
        steps.append(CreateService(slot=facts.to, service=name, family=family, revision=revision, count=count, tag=tag))
    else:
        if state.deployment != tag:
            steps.append(TagDeployment(slot=facts.to, tag=tag, before=_before(facts, tag)))
        steps += _update(facts, state.service, revision, count)
    since_s = facts.run.whole_since_s
    healthy_for_s = facts.spec.deploy.healthy_for_s * facts.scale
    steady = since_s is not None and facts.now_s - since_s >= healthy_for_s
    if steps or not steady or not whole(facts.spec, state, tag.revision, count):
        move = facts.situation.move
        entered_s = move.entered_at_s if move is not None and move.id == tag.id else facts.now_s
        deadline_s = facts.deadline_s(PREPARE_DEADLINE_S + facts.spec.deploy.start_deadline_s, entered_s)
        steps.append(
            AwaitWhole(
                slot=facts.to, revision=revision, count=count, healthy_for_s=healthy_for_s, deadline_at_s=deadline_s
            )
        )
    return tuple(steps)


def _before(facts: Facts, tag: DeploymentTag) -> str | None:
    """Return the value for `teal:before`: what the slot last held whole, however many newcomers tried since."""
    had = facts.target.deployment
    if had is None or had.id == tag.id or had.outcome is Outcome.BARE:
        return None
    return str(had)


def as_set(service: Service) -> bool:
    """Say whether a service deploys as teal wants it: without ECS's own rollback, with nothing stopped too early."""
    percents = service.minimum_healthy_percent, service.maximum_percent
    return service.breaker_enabled and not service.breaker_rolls_back and percents == (100, 200)


def _update(facts: Facts, service: Service, revision: int | None, count: int) -> tuple[Step, ...]:
    other_revision = revision is None or primary_revision(service) != revision
    more = service.desired < count
    settings = not as_set(service)
    if not (other_revision or more or settings):
        return ()
    return (
        UpdateService(
            slot=facts.to,
            service=service.name,
            family=facts.spec.family,
            revision=revision if other_revision else None,
            count=count if more else None,
            settings=settings,
        ),
    )


def taste(facts: Facts, revision: int | None) -> tuple[Step, ...]:
    """Return the questions to green that this run has not had answered yet."""
    steps: list[Step] = []
    if "identity" not in facts.run.passed:
        steps.append(ProveIdentity(slot=facts.to, revision=revision))
    steps += [
        PassGate(slot=facts.to, index=index, gate=gate)
        for index, gate in enumerate(facts.spec.deploy.taste_gates)
        if f"gate:{index}" not in facts.run.passed
    ]
    return tuple(steps)


def _hold_or_flip(facts: Facts, identity: str, revision: int | None, *, hold: bool) -> tuple[Step, ...]:
    if not hold:
        return _shift(facts, identity, revision)
    if not facts.snapshot.rules:
        return ()  # without a production rule the service's bare tag is all there is to record
    held = _new_move(facts, identity).entering(Stage.HELD, facts.now_s)
    return (TagMove(tag=held),)


def schedule(facts: Facts) -> tuple[ShiftStep, ...]:
    """Return the weights of this flip: a first deployment has no blue to share with."""
    return facts.spec.deploy.shift if facts.situation.origin is not None else ALL_AT_ONCE


def _shift(facts: Facts, identity: str, revision: int | None) -> tuple[Step, ...]:
    steps: list[Step] = []
    weights = schedule(facts)
    row = facts.situation.row
    announced = facts.run.announced_percent if _announced_by(facts.run, facts.situation.move, facts.now_s) else None
    highest = int(100 * max(facts.situation.shares, default=0))
    if row == Row.STEP and announced in {None, highest}:
        announced = None
        steps += _rest_of_hold(facts, highest)
    if row not in {Row.BAKING, Row.SERVED}:
        steps += _capacity(facts, revision)
        for weight in weights:
            # Another run's write that was cut short is announced anew, so that its hold and bake begin when it is whole
            unfinished = row == Row.WRITING and weight.percent == highest
            if weight.percent > highest or unfinished or weight.percent == announced:
                steps += _write_weight(facts, identity, weight, announced=weight.percent == announced)
    return (*steps, *_bake(facts, revision), *_finish(facts, identity, revision))


def _capacity(facts: Facts, revision: int | None) -> tuple[Step, ...]:
    """Return what brings a green that already has weight up to what blue has now; only ever more, never fewer."""
    service, count = facts.target.service, facts.count()
    if facts.situation.row not in {Row.STEP, Row.WRITING} or service is None or revision is None:
        return ()
    if 10 * facts.target.healthy >= 9 * count and service.desired >= count:
        return ()
    more = UpdateService(
        slot=facts.to, service=service.name, family=facts.spec.family, revision=None, count=count, settings=False
    )
    deadline_s = facts.deadline_s(facts.spec.deploy.start_deadline_s, facts.now_s)
    wait = AwaitWhole(slot=facts.to, revision=revision, count=count, healthy_for_s=0.0, deadline_at_s=deadline_s)
    return (*((more,) if service.desired < count else ()), wait)


def _announced_by(run: Run, move: MoveTag | None, now_s: float) -> bool:
    own = move is not None and move.stage is Stage.SHIFT and run.own_move == move
    return own and not expired(move, now_s)


def _rest_of_hold(facts: Facts, percent: int) -> tuple[Step, ...]:
    reached = [step for step in schedule(facts) if step.percent <= percent]
    lasts_s = max(reached[-1].hold_s if reached else 0.0, WEIGHT_HOLD_S) * facts.scale
    until_s = facts.stand_since_s + lasts_s
    return (Hold(slot=facts.to, percent=percent, lasts_s=lasts_s, until_s=until_s),) if until_s > facts.now_s else ()


def _write_weight(facts: Facts, identity: str, weight: ShiftStep, *, announced: bool) -> tuple[Step, ...]:
    steps: list[Step] = []
    shift = _new_move(facts, identity).entering(Stage.SHIFT, facts.now_s)
    if not announced and facts.snapshot.rules:
        steps.append(TagMove(tag=shift, percent=weight.percent))
    for index, route in enumerate(facts.snapshot.routes):
        step = _write_route(facts, index, route, weight.percent, shift)
        if step is not None:
            steps.append(step)
    if weight.percent < 100:  # noqa: PLR2004 - percent
        lasts_s = max(weight.hold_s, WEIGHT_HOLD_S) * facts.scale
        steps.append(Hold(slot=facts.to, percent=weight.percent, lasts_s=lasts_s, until_s=None))
    return tuple(steps)


def _write_route(facts: Facts, index: int, route: RouteState, percent: int, shift: MoveTag) -> Step | None:
    name = str(route.spec)
    if route.rule is None:
        if facts.situation.origin is None and route.spec.create is not None:
            return CreateRoute(index=index, route=name, slot=facts.to, tag=shift)
        return None
    if share_of(facts.snapshot, route, facts.to) * 100 == percent:
        return None
    if percent == 100:  # noqa: PLR2004 - percent
        return WriteRoute(index=index, route=name, shares=((facts.to, 100),))
    return WriteRoute(index=index, route=name, shares=((facts.to.other, 100 - percent), (facts.to, percent)))


def _bake(facts: Facts, revision: int | None) -> tuple[Step, ...]:
    steps: list[Step] = []
    if facts.spec.identity is not None and "probed" not in facts.run.passed:
        steps.append(ProbeProduction(slot=facts.to, revision=revision or PLANNED_REVISION))
    lasts_s = _bake_s(facts)
    until_s = facts.stand_since_s + lasts_s if facts.situation.row == Row.BAKING else None
    if facts.situation.row != Row.SERVED and (until_s is None or until_s > facts.now_s):
        steps.append(Hold(slot=facts.to, percent=100, lasts_s=lasts_s, until_s=until_s, baking=True))
    return tuple(steps)


def bake_due(facts: Facts) -> bool:
    """Say whether the bake of row 16 has lasted long enough."""
    return facts.stand_since_s + _bake_s(facts) <= facts.now_s


def _bake_s(facts: Facts) -> float:
    return max(facts.spec.deploy.bake_s, WEIGHT_HOLD_S) * facts.scale


def _finish(facts: Facts, identity: str, revision: int | None) -> tuple[Step, ...]:
    served = DeploymentTag(id=identity, revision=revision or PLANNED_REVISION, outcome=Outcome.SERVED)
    tag = () if facts.target.deployment == served else (TagDeployment(slot=facts.to, tag=served),)
    return (*tag, TagMove(tag=_new_move(facts, identity).entering(Stage.DONE, facts.now_s)))
