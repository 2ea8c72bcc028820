"""A small app as it was seen: one route, two slots, and whatever a test wants different."""

from collections.abc import Mapping
from typing import Any

from teal.model.identity import Caller, Slot
from teal.model.snapshot import GroupState, RouteState, SlotState, Snapshot
from teal.model.spec import DeploySpec, GroupSpec, RouteSpec, SlotSpec, Spec
from teal.model.tags import BEFORE, DEPLOYMENT, MOVE
from teal.model.traffic import Forward, Listener, Rule, TargetGroup, TargetHealth
from teal.model.workload import Container, EcsDeployment, Service, Task, TaskDefinition

NOW_S = 1_800_000_000.0
ROUTE = RouteSpec(load_balancer="shop", listener_port=443, group_key="web:8080", priority=20)
LISTENER = Listener(arn="listener/443", load_balancer_arn="lb/shop", port=443, protocol="HTTPS")


def definition_arn(revision: int) -> str:
    """Return the ARN of a revision of family `web`."""
    return f"arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{revision}"


def group_of(slot: Slot) -> GroupSpec:
    """Return the one group of a slot."""
    return GroupSpec(name=f"shop-web-{slot}", container="web", port=8080)


def body(image: str = "shop/web:1.4", **more: object) -> dict[str, Any]:
    """Return a task definition body."""
    return {"family": "web", "containerDefinitions": [{"name": "web", "image": image, **more}]}


def spec(
    *, keep_warm_s: float | None = 86400.0, app: str = "shop-web", wanted: Mapping[str, Any] | None = None
) -> Spec:
    """Return the configuration."""
    return Spec(
        app=app,
        region="eu-west-1",
        cluster="prod",
        family="web",
        task_definition=wanted or body(),
        service={},
        slots={slot: SlotSpec(slot=slot, service=f"shop-web-{slot}", groups=(group_of(slot),)) for slot in Slot},
        routes=(ROUTE,),
        deploy=DeploySpec(keep_warm_s=keep_warm_s),
    )


def task(revision: int = 41, *, status: str = "RUNNING", stop: str = "", reason: str = "", at_s: float = 1.0) -> Task:
    """Return a task."""
    return Task(
        arn=f"task/{revision}/{at_s}",
        task_definition_arn=definition_arn(revision),
        status=status,
        desired_status="RUNNING",
        address="10.0.0.1",
        stop_code=stop,
        stopped_reason=reason,
        created_at_s=at_s,
        containers=(Container(name="web", status=status, image=f"registry.example/shop/web:1.{revision}"),),
    )


def service(
    slot: Slot, *revisions: int, desired: int = 2, running: int = 2, rollout: str = "COMPLETED", **tags: str
) -> Service:
    """Return a service that holds these revisions, the first being the one it is asked to run."""
    return Service(
        name=f"shop-web-{slot}",
        arn=f"service/{slot}",
        status="ACTIVE",
        desired=desired,
        running=running,
        pending=0,
        task_definition_arn=definition_arn(revisions[0]),
        deployments=tuple(
            EcsDeployment(
                id=f"ecs-{revision}",
                status="PRIMARY" if index == 0 else "ACTIVE",
                task_definition_arn=definition_arn(revision),
                desired=desired,
                running=running,
                pending=0,
                failed=0,
                rollout_state=rollout,
            )
            for index, revision in enumerate(revisions)
        ),
        target_group_arns=(f"tg/{slot}",),
        tags={{"deployment": DEPLOYMENT, "before": BEFORE}[key]: value for key, value in tags.items()},
    )


def slot_state(
    slot: Slot, found: Service | None, *, healthy: int = 2, sick: int = 0, tasks: tuple[Task, ...] = ()
) -> SlotState:
    """Return a slot with one group."""
    group = TargetGroup(
        arn=f"tg/{slot}",
        name=f"shop-web-{slot}",
        port=80,
        protocol="HTTP",
        protocol_version="HTTP1",
        vpc_id="vpc-1",
        target_type="ip",
        load_balancer_arns=("lb/shop",),
    )
    states = ["healthy"] * healthy + ["unhealthy"] * sick
    targets = tuple(TargetHealth(target_id=f"10.0.0.{n}", port=8080, state=state) for n, state in enumerate(states))
    return SlotState(
        slot=slot, service=found, groups=(GroupState(spec=group_of(slot), group=group, targets=targets),), tasks=tasks
    )


def snapshot(*slots: SlotState, move: str | None = None, weights: Mapping[str, int] | None = None) -> Snapshot:
    """Return what was seen. `weights` None: there is no production rule."""
    rule = None
    if weights is not None:
        shares = tuple((f"tg/{slot}", weight) for slot, weight in weights.items())
        rule = Rule(
            arn="rule/20",
            listener_arn=LISTENER.arn,
            priority=20,
            conditions=(),
            forward=Forward(shares=shares),
            tags={MOVE: move} if move else {},
        )
    definitions = {
        arn: TaskDefinition(arn=arn, family="web", revision=revision, body=body(f"shop/web:1.{revision}"))
        for arn, revision in ((definition_arn(revision), revision) for revision in range(38, 44))
    }
    return Snapshot(
        taken_at_s=NOW_S,
        caller=Caller(
            account="123456789012", arn="arn:aws:sts::123456789012:assumed-role/deploy/ci", region="eu-west-1"
        ),
        cluster_found=True,
        load_balancers=(),
        slots={state.slot: state for state in slots},
        routes=(RouteState(spec=ROUTE, listener=LISTENER, rule=rule, matches=int(rule is not None)),),
        definitions=definitions,
    )


def at_rest(*, blue: SlotState | None = None, entered_s: float = NOW_S - 180) -> Snapshot:
    """Return the app after a move a → b that is done: b serves revision 42, a is warm with 41 unless told otherwise."""
    warm = blue or slot_state(Slot.A, service(Slot.A, 41, deployment="d1.41.served"), tasks=(task(41),))
    live = slot_state(Slot.B, service(Slot.B, 42, deployment="d2.42.served", before="d0.40.served"), tasks=(task(42),))
    return snapshot(warm, live, move=f"d2.a.b.done.{int(entered_s)}", weights={"b": 1})
