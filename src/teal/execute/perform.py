"""One short function per act: calls a port once, says what came of it. Every write is absolute and may be repeated."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from teal.errors import AwsError, NotFoundError
from teal.execute.bodies import owner_tags, service_body, service_changes, taste_conditions
from teal.model.identity import Slot
from teal.model.snapshot import Snapshot
from teal.model.spec import Spec
from teal.model.step import (
    Act,
    CreateGroup,
    CreateRoute,
    CreateService,
    CreateTaste,
    DeleteRoute,
    Register,
    TagDeployment,
    TagMove,
    TagVerdict,
    UpdateService,
    WriteRoute,
)
from teal.model.step_order import TagOrder
from teal.model.step_retire import RetireSlot
from teal.model.tags import BEFORE, DEPLOYMENT, MOVE, SEQ, VERDICT
from teal.model.traffic import Forward
from teal.model.workload import TaskDefinition
from teal.plan.difference import CONTENT, content_digest
from teal.ports import NewRule, Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What an act needs besides its step."""

    spec: Spec
    snapshot: Snapshot
    ports: Ports
    secrets: Mapping[Slot, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an act."""

    detail: str = ""
    registered: TaskDefinition | None = None


def perform(step: Act, scene: Scene) -> Outcome:  # noqa: C901, PLR0911, PLR0912 - one line per kind of act
    """Do one act.

    Raises:
        AwsError: it was not done, or nobody knows (TransientError).
    """
    match step:
        case CreateGroup():
            return _create_group(step, scene)
        case CreateTaste():
            return _create_taste(step, scene)
        case TagMove():
            return _tag_move(step, scene)
        case Register():
            return _register(step, scene)
        case CreateService():
            return _create_service(step, scene)
        case TagDeployment():
            return _tag_deployment(step, scene)
        case UpdateService():
            return _update_service(step, scene)
        case WriteRoute():
            return _write_route(step, scene)
        case CreateRoute():
            return _create_route(step, scene)
        case DeleteRoute():
            return _delete_route(step, scene)
        case TagVerdict():
            return _tag_verdict(step, scene)
        case TagOrder():
            return _tag_order(step, scene)
        case RetireSlot():
            return _retire(step, scene)
        case _:
            assert_never(step)


def _create_group(step: CreateGroup, scene: Scene) -> Outcome:
    tags = owner_tags(scene.spec, step.slot)
    scene.ports.router.create_group(step.group, scene.snapshot.load_balancers[0].vpc_id, tags)
    return Outcome()


def _create_taste(step: CreateTaste, scene: Scene) -> Outcome:
    rule = NewRule(
        listener_arn=step.listener_arn,
        priority=step.priority,
        conditions=taste_conditions(scene.spec, step, scene.secrets[step.slot]),
        group_arn=_group_arn(scene, step.slot, step.group_key),
        tags=owner_tags(scene.spec, step.slot),
    )
    scene.ports.router.create_rule(rule)
    return Outcome()


def _tag_move(step: TagMove, scene: Scene) -> Outcome:
    arns = [rule.arn for rule in scene.snapshot.rules]
    scene.ports.router.tag(arns, {MOVE: str(step.tag)})
    return Outcome(detail=str(step.tag))


def _register(step: Register, scene: Scene) -> Outcome:
    body = scene.spec.task_definition
    order = {} if step.seq is None else {SEQ: str(step.seq)}
    definition = scene.ports.compute.register(body, {**owner_tags(scene.spec), CONTENT: content_digest(body), **order})
    return Outcome(detail=f"revision {definition.revision}", registered=definition)


def _create_service(step: CreateService, scene: Scene) -> Outcome:
    arn = _definition_arn(scene, step.revision)
    scene.ports.compute.create_service(service_body(scene.spec, scene.snapshot, step, arn))
    return Outcome()


def _tag_deployment(step: TagDeployment, scene: Scene) -> Outcome:
    service = scene.snapshot.slot(step.slot).service
    if service is None:
        raise _gone(f"service of slot {step.slot}")
    before = {} if step.before is None else {BEFORE: step.before}
    scene.ports.compute.tag(service.arn, {**before, DEPLOYMENT: str(step.tag)})
    return Outcome(detail=str(step.tag))


def _update_service(step: UpdateService, scene: Scene) -> Outcome:
    arn = _definition_arn(scene, step.revision) if step.revision is not None else None
    scene.ports.compute.update_service(scene.spec.cluster, step.service, service_changes(step, arn))
    return Outcome()


def _tag_order(step: TagOrder, scene: Scene) -> Outcome:
    scene.ports.compute.tag(_definition_arn(scene, step.revision), {SEQ: str(step.seq)})
    return Outcome()


def _retire(step: RetireSlot, scene: Scene) -> Outcome:
    scene.ports.compute.update_service(scene.spec.cluster, step.service, {"desiredCount": 0})
    return Outcome()


def _write_route(step: WriteRoute, scene: Scene) -> Outcome:
    route = scene.snapshot.routes[step.index]
    if route.rule is None or route.rule.forward is None:
        raise _gone(step.route)
    shares = tuple((_group_arn(scene, slot, route.spec.group_key), weight) for slot, weight in step.shares)
    forward = Forward(shares=shares, stickiness_s=route.rule.forward.stickiness_s)
    scene.ports.router.write_forward(route.rule, forward)
    return Outcome(detail="accepted")


def _create_route(step: CreateRoute, scene: Scene) -> Outcome:
    route = scene.snapshot.routes[step.index]
    if route.listener is None or route.spec.create is None:
        raise _gone(step.route)
    move = {} if step.tag is None else {MOVE: str(step.tag)}
    rule = NewRule(
        listener_arn=route.listener.arn,
        priority=route.spec.create.priority,
        conditions=route.spec.create.conditions,
        group_arn=_group_arn(scene, step.slot, route.spec.group_key),
        tags={**owner_tags(scene.spec), **move},
    )
    scene.ports.router.create_rule(rule)
    return Outcome()


def _delete_route(step: DeleteRoute, scene: Scene) -> Outcome:
    rule = scene.snapshot.routes[step.index].rule
    if rule is not None:
        scene.ports.router.delete_rule(rule.arn)
    return Outcome()


def _tag_verdict(step: TagVerdict, scene: Scene) -> Outcome:
    scene.ports.compute.tag(_definition_arn(scene, step.revision), {VERDICT: step.value})
    return Outcome()


def _group_arn(scene: Scene, slot: Slot, key: str) -> str:
    group = scene.snapshot.slot(slot).group(key)
    if group.group is None:
        raise _gone(f"target group {group.spec.name}")
    return group.group.arn


def _definition_arn(scene: Scene, revision: int | None) -> str:
    family = scene.spec.family
    # a way back looks at no more than it needs, and task definitions are not among that
    definition = scene.snapshot.definition(family, revision or 0) or scene.ports.compute.definition(
        f"{family}:{revision}"
    )
    if definition is None:
        raise _gone(f"task definition {scene.spec.family}:{revision}")
    return definition.arn


def _gone(what: str) -> NotFoundError:
    return NotFoundError(f"{what} was there a moment ago", code="Gone", operation="teal")


def aws_detail(error: AwsError) -> str:
    """Return an AWS error with its request id, for support."""
    return error.message + (f" (request {error.request_id})" if error.request_id else "")
