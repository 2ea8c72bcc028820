"""What a step does to a world in which everything works: the world of the property tests."""

from dataclasses import replace

import seen
from teal.model.identity import Slot
from teal.model.run import Run, Still
from teal.model.snapshot import GroupState, RouteState, SlotState, Snapshot
from teal.model.spec import Rung, Spec
from teal.model.step import (
    AwaitWhole,
    CreateRoute,
    CreateService,
    DeleteRoute,
    Hold,
    PassGate,
    ProbeProduction,
    ProveIdentity,
    Register,
    Step,
    TagDeployment,
    TagMove,
    TagVerdict,
    UpdateService,
    WriteRoute,
)
from teal.model.step_retire import AwaitDrained, AwaitStill, RetireSlot
from teal.model.tags import BEFORE, DEPLOYMENT, MOVE, VERDICT, Stage
from teal.model.traffic import Forward, Rule
from teal.model.workload import TaskDefinition
from teal.plan.facts import Facts

STEP_S = 3.0  # how long a write takes
NEXT_REVISION = 44


def after(spec: Spec, world: Snapshot, run: Run, step: Step, now_s: float) -> tuple[Snapshot, Run, float]:
    """Return the world, what the run knows, and the time after a step."""
    now_s += STEP_S
    run = replace(run, went_back=run.went_back or world.move) if isinstance(step, WriteRoute) else run
    match step:
        case WriteRoute() | CreateRoute() | DeleteRoute() | TagMove():
            world = _routed(world, step)
        case TagDeployment() | CreateService() | UpdateService():
            world = _served(world, step)
        case RetireSlot() | AwaitDrained():
            world = _emptied(world, step)
        case AwaitStill():
            now_s = max(now_s, step.until_s)
        case Register() | TagVerdict():
            world = _defined(spec, world, step)
        case AwaitWhole():
            now_s += step.healthy_for_s
        case Hold():
            now_s = max(now_s, step.until_s if step.until_s is not None else now_s + step.lasts_s)
        case _:
            pass
    world, run = replace(world, taken_at_s=now_s), _learned(run, step, now_s)
    return world, replace(run, weights=Facts.of(spec, world, run, now_s).weights), now_s


def _learned(run: Run, step: Step, now_s: float) -> Run:
    match step:
        case TagMove():
            announced = step.percent if step.tag.stage is Stage.SHIFT else None
            return replace(run, own_move=step.tag, announced_percent=announced)
        case Register():
            return replace(run, registered=NEXT_REVISION)
        case WriteRoute():
            return replace(run, rung=Rung.READ_BACK)
        case CreateService() | UpdateService():
            return replace(run, whole_since_s=None)
        case AwaitWhole():
            return replace(run, whole_since_s=now_s - step.healthy_for_s)
        case _:
            return _learned_besides(run, step, now_s)


def _learned_besides(run: Run, step: Step, now_s: float) -> Run:
    if isinstance(step, AwaitStill):
        return replace(run, still=Still(basis=None, since_s=step.until_s - step.lasts_s, until_s=now_s))
    if isinstance(step, RetireSlot):
        return replace(run, emptied=(step.slot, step.count), passed=run.passed | {"retired"})
    return replace(run, passed=run.passed | _answered(step))


def _answered(step: Step) -> frozenset[str]:
    match step:
        case TagVerdict():
            return frozenset({f"verdict:{step.revision}"})
        case ProveIdentity():
            return frozenset({"identity"})
        case PassGate():
            return frozenset({f"gate:{step.index}"})
        case ProbeProduction():
            return frozenset({"probed"})
        case _:
            return frozenset()


def _routed(world: Snapshot, step: WriteRoute | CreateRoute | DeleteRoute | TagMove) -> Snapshot:
    routes = list(world.routes)
    if isinstance(step, TagMove):
        routes = [_tagged(route, step) for route in routes]
    elif isinstance(step, DeleteRoute):
        routes[step.index] = replace(routes[step.index], rule=None)
    else:
        weights = step.shares if isinstance(step, WriteRoute) else ((step.slot, 100),)
        forward = Forward(shares=tuple((f"tg/{slot}", weight) for slot, weight in weights))
        tags = {MOVE: str(step.tag)} if isinstance(step, CreateRoute) and step.tag else {}
        made = Rule(arn=f"rule/{step.index}", listener_arn="l", priority=20, conditions=(), forward=forward, tags=tags)
        found = routes[step.index].rule
        routes[step.index] = replace(routes[step.index], rule=replace(found, forward=forward) if found else made)
    return replace(world, routes=tuple(routes))


def _tagged(route: RouteState, step: TagMove) -> RouteState:
    if route.rule is None:
        return route
    return replace(route, rule=replace(route.rule, tags={MOVE: str(step.tag)}))


def _served(world: Snapshot, step: TagDeployment | CreateService | UpdateService) -> Snapshot:
    state = world.slot(step.slot)
    return replace(world, slots={**world.slots, step.slot: _with_service(state, step)})


def _emptied(world: Snapshot, step: RetireSlot | AwaitDrained) -> Snapshot:
    state = world.slot(step.slot)
    assert state.service is not None
    groups = _healthy(step.slot, 0) if isinstance(step, AwaitDrained) else state.groups
    without = replace(state, service=replace(state.service, desired=0, running=0), groups=groups)
    return replace(world, slots={**world.slots, step.slot: without})


def _with_service(state: SlotState, step: TagDeployment | CreateService | UpdateService) -> SlotState:
    service = state.service
    if isinstance(step, CreateService):
        made = seen.service(step.slot, step.revision or NEXT_REVISION, desired=step.count, running=step.count)
        made = replace(made, breaker_enabled=True, tags={DEPLOYMENT: str(step.tag)})
        return replace(seen.slot_state(step.slot, made, healthy=step.count), groups=_healthy(step.slot, step.count))
    assert service is not None
    if isinstance(step, TagDeployment):
        before = {} if step.before is None else {BEFORE: step.before}
        return replace(state, service=replace(service, tags={**service.tags, **before, DEPLOYMENT: str(step.tag)}))
    count = step.count or service.desired
    revision = seen.service(step.slot, step.revision or int(service.task_definition_arn.rpartition(":")[2]))
    updated = replace(revision, desired=count, running=count, breaker_enabled=True, tags=service.tags)
    return replace(state, service=updated, groups=_healthy(step.slot, count))


def _healthy(slot: Slot, count: int) -> tuple[GroupState, ...]:
    return seen.slot_state(slot, None, healthy=count).groups


def _defined(spec: Spec, world: Snapshot, step: Register | TagVerdict) -> Snapshot:
    if isinstance(step, Register):
        arn = seen.definition_arn(NEXT_REVISION)
        made = TaskDefinition(arn=arn, family=spec.family, revision=NEXT_REVISION, body=spec.task_definition)
        return replace(world, definitions={**world.definitions, arn: made})
    arn = seen.definition_arn(step.revision)
    marked = replace(world.definitions[arn], tags={VERDICT: step.value})
    return replace(world, definitions={**world.definitions, arn: marked})
