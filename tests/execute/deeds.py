"""AWS's side of acts: every write is remembered, and answered or refused as a test says."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import seen as world
from aws.canned import Canned, VirtualClock
from execute.scripted import (
    HALF,
    Lock,
    Look,
    scripted,
)
from plan.scenes import LONG_AGO, Scene, run
from teal.aws.compute import EcsCompute
from teal.aws.router import Elbv2Router
from teal.errors import CredentialError, RefusedError, TransientError, UnknownAnswerError
from teal.execute.acting import act
from teal.execute.laws import LAWS, Laws
from teal.execute.session import Session
from teal.model.event import Event
from teal.model.identity import Slot
from teal.model.run import Intent, Run, TurnBack
from teal.model.spec import GroupSpec, Spec
from teal.model.step import (
    CreateGroup,
    CreateRoute,
    CreateService,
    CreateTaste,
    DeleteRoute,
    Register,
    Step,
    TagDeployment,
    TagMove,
    TagVerdict,
    UpdateService,
    WriteRoute,
)
from teal.model.step_order import TagOrder
from teal.model.step_retire import RetireSlot
from teal.model.tags import DeploymentTag, MoveTag, Stage
from teal.model.traffic import Forward, LoadBalancer, Rule
from teal.model.workload import TaskDefinition
from teal.ports import NewRule, Ports

REGISTERED = TaskDefinition(arn="arn:x:task-definition/web:44", family="web", revision=44, body={})

MOVE = MoveTag(id="d7", origin=Slot.A, to=Slot.B, stage=Stage.SHIFT, entered_at_s=LONG_AGO)
FIRST = WriteRoute(index=0, route="r0", shares=((Slot.B, 100),))
SECOND = WriteRoute(index=1, route="r1", shares=((Slot.B, 100),))
BACK_0 = WriteRoute(index=0, route="r0", shares=((Slot.A, 100),))
BACK_1 = WriteRoute(index=1, route="r1", shares=((Slot.A, 100),))
CREATE = CreateRoute(index=1, route="r1", slot=Slot.B, tag=None)
DELETE = DeleteRoute(index=1, route="r1")
GROUP = CreateGroup(slot=Slot.B, group=world.group_of(Slot.B))
TASTE = CreateTaste(
    slot=Slot.B, group_key="web:8080", group_name="g", listener_arn="l", listener_port=443, priority=9, by_port=False
)
REGISTER = Register(family="web")
MAKE = CreateService(slot=Slot.B, service="shop-web-b", family="web", revision=42, count=2, tag=None)
RAISE = UpdateService(slot=Slot.B, service="shop-web-b", family="web", revision=None, count=5)
REPLACE = replace(RAISE, revision=43)
EMPTY = RetireSlot(slot=Slot.A, service="shop-web-a", count=2)
TAG = TagMove(tag=MOVE, percent=50)
TAGGED = TagDeployment(slot=Slot.B, tag=DeploymentTag(id="d7", revision=42))
VERDICT = TagVerdict(family="web", revision=42, value="back")
ORDER = TagOrder(family="web", revision=42, seq=7)

BUSY = TransientError("slow down", code="Throttling", operation="any", request_id="r-1")
GARBLED = UnknownAnswerError("no field", code="Garbage", operation="any")
REFUSED = RefusedError("no", code="Validation", operation="any")
DENIED = CredentialError("not you")
BALANCER = LoadBalancer(arn="lb/shop", name="shop", dns_name="shop.test", vpc_id="vpc-1")
MADE = Scene(move=str(MOVE), shares=(HALF, HALF), b="d7.42", create=True).seen()  # with rules that teal may make
SICK = TurnBack(reason="sick")
AT_ONCE = replace(LAWS, broken=lambda *_, **__: "", seen=lambda *_: True)
BEFORE = run(passed=frozenset({"identity"}), failed_writes={0: 2, 1: 1})


class EnoughError(Exception):
    """A test has seen what it wanted to see."""


ENOUGH = EnoughError()


@dataclass(slots=True)
class Deeds:
    """What was written, and what becomes of the next writes; those that nobody speaks of are done."""

    fates: list[Exception | None] = field(default_factory=list[Exception | None])
    done: list[tuple[object, ...]] = field(default_factory=list[tuple[object, ...]])
    definitions: dict[str, TaskDefinition] = field(default_factory=dict[str, TaskDefinition])
    took_s: float = 0.0  # how long each write takes
    ports: Ports | None = None

    def do(self, *deed: object) -> None:
        """Do or refuse."""
        self.done.append(deed)
        if self.ports is not None and self.took_s:
            self.ports.clock.sleep(self.took_s)
        fate = self.fates.pop(0) if self.fates else None
        if fate is not None:
            raise fate


class ToldRouter(Elbv2Router):
    """ELBv2."""

    def __init__(self, deeds: Deeds) -> None:
        super().__init__(Canned())
        self.deeds = deeds

    def create_group(self, group: GroupSpec, vpc_id: str, tags: Mapping[str, str]) -> None:
        """Create a target group."""
        self.deeds.do("create group", group.name, vpc_id, dict(tags))

    def create_rule(self, rule: NewRule) -> None:
        """Create a rule."""
        self.deeds.do("create rule", rule)

    def delete_rule(self, rule_arn: str) -> None:
        """Delete a rule."""
        self.deeds.do("delete rule", rule_arn)

    def write_forward(self, rule: Rule, forward: Forward) -> None:
        """Write a forward action."""
        self.deeds.do("write", rule.arn, forward)

    def tag(self, arns: Sequence[str], tags: Mapping[str, str]) -> None:
        """Tag rules."""
        self.deeds.do("tag", *arns, dict(tags))


class ToldCompute(EcsCompute):
    """ECS."""

    def __init__(self, deeds: Deeds) -> None:
        super().__init__(Canned())
        self.deeds = deeds

    def definition(self, arn: str) -> TaskDefinition | None:
        """Return a task definition."""
        return self.deeds.definitions.get(arn)

    def register(self, body: Mapping[str, Any], tags: Mapping[str, str]) -> TaskDefinition:
        """Register a revision."""
        self.deeds.do("register", dict(body), dict(tags))
        return REGISTERED

    def create_service(self, body: Mapping[str, Any]) -> None:
        """Create a service."""
        self.deeds.do("create service", dict(body))

    def update_service(self, cluster: str, service: str, changes: Mapping[str, Any]) -> None:
        """Update a service."""
        self.deeds.do("update", cluster, service, dict(changes))

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Tag a service or task definition."""
        self.deeds.do("tag", arn, dict(tags))


def acting(  # noqa: PLR0913 - what a session is made of
    ports: Ports,
    deeds: Deeds,
    intent: Intent,
    *looks: Look,
    knows: Run | None = None,
    lock: Lock | None = None,
    configured: Spec | None = None,
    laws: Laws = LAWS,
) -> Session:
    """Return a session that has looked once, whose writes are told."""
    around = replace(ports, router=ToldRouter(deeds), compute=ToldCompute(deeds))
    lenient = replace(laws, broken=lambda *_, **__: "") if laws is LAWS else laws
    session = scripted(around, intent, *looks, knows=knows, lock=lock, configured=configured, laws=lenient)
    deeds.ports = session.ports
    session.look()
    return session


def does(session: Session, *steps: Step) -> list[Event]:
    """Do the first of the steps, and what goes with it, up to a look that nobody wants to see."""
    events: list[Event] = []
    with suppress(EnoughError):
        events.extend(act(session, steps))
    return events


def tries(session: Session, *steps: Step) -> bool:
    """Say whether acting came as far as to try any of the steps."""
    acts = act(session, steps)
    while True:
        try:
            next(acts)
        except StopIteration as end:
            return bool(end.value)


def naps(session: Session) -> list[float]:
    """Return how long was slept each time."""
    clock = session.ports.clock
    assert isinstance(clock, VirtualClock)
    return clock.naps
