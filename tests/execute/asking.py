"""Who answers questions: a load balancer and commands that say what a test wants, in front of an app that is whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import seen as world
from aws.canned import VirtualClock
from teal.execute.perform import Scene
from teal.model.identity import Slot
from teal.model.snapshot import RouteState, Snapshot, TasteState
from teal.model.spec import IdentitySpec
from teal.model.traffic import Condition, Forward, Listener, LoadBalancer, Rule
from teal.ports import CommandResult, Ports, Reply, Request

SECRET = Condition(field="http-header", header="X-Teal-Taste", values=("s3cret",))
COOKIE = Condition(field="http-header", header="Cookie", values=("*teal=s3cret*",))
EVERYTHING = Condition(field="path-pattern", values=("/*",))
HOST = Condition(field="host-header", values=("*.shop.test", "shop.test"))
PATH = Condition(field="path-pattern", values=("/v?/*", "/w/*"))
HEADER = Condition(field="http-header", header="X-Api", values=("v1*", "v2*"))
ADDRESSES = ("192.0.2.1", "192.0.2.2")
IDENTITY = IdentitySpec(header="X-Revision", path="/who")
ELSEWHERE = LoadBalancer(arn="lb/other", name="other", dns_name="other.test", vpc_id="vpc-1")
SHOP = LoadBalancer(arn="lb/shop", name="shop", dns_name="shop.test", vpc_id="vpc-1")


@dataclass(slots=True)
class Answering:
    """A load balancer that answers as told, and remembers the requests."""

    says: Callable[[int, Request], Reply]  # of the number of the request, from 1, and the request
    addresses_: tuple[str, ...] = ADDRESSES
    asked: list[Request] = field(default_factory=list[Request])

    def addresses(self, dns_name: str) -> tuple[str, ...]:
        """Return what the name of this balancer leads to."""
        return self.addresses_ if dns_name == SHOP.dns_name else ("198.51.100.9",)

    def ask(self, request: Request) -> Reply:
        """Answer."""
        self.asked.append(request)
        return self.says(len(self.asked), request)


@dataclass(slots=True)
class Ending:
    """A shell whose commands end as told."""

    result: CommandResult
    told: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])

    def run(self, command: str, environment: Mapping[str, str], timeout_s: float) -> CommandResult:
        """End."""
        assert command
        assert timeout_s > 0
        self.told.append(environment)
        return self.result


def as_revision(revision: str = "42", *, status: int = 200, body: str = "", error: str = "") -> Reply:
    """Return an answer that names a revision."""
    return Reply(status=status, headers={"x-revision": revision}, body=body, error=error)


def rule(*conditions: Condition, group: str = "tg/b", arn: str = "rule/1") -> Rule:
    """Return a rule that forwards to one group."""
    forward = Forward(shares=((group, 1),))
    return Rule(arn=arn, listener_arn="listener/443", priority=1, conditions=conditions, forward=forward)


def taste(
    *conditions: Condition, slot: Slot = Slot.B, port: int = 443, protocol: str = "HTTPS", key: str = "web:8080"
) -> TasteState:
    """Return how a slot is tasted."""
    listener = Listener(arn=f"listener/{port}", load_balancer_arn="lb/shop", port=port, protocol=protocol)
    found = rule(*conditions, group=f"tg/{slot}", arn=f"taste/{slot}") if conditions else None
    return TasteState(slot=slot, group_key=key, listener=listener, rule=found)


def route(*conditions: Condition, key: str = "web:8080") -> RouteState:
    """Return a route as found."""
    spec = replace(world.ROUTE, group_key=key)
    return RouteState(spec=spec, listener=world.LISTENER, rule=rule(*conditions), matches=1)


def whole_b(revision: int = 42) -> Snapshot:
    """Return an app whose slot b holds a revision, whole, and is tasted by a secret header."""
    tasks = tuple(replace(world.task(revision, at_s=n), address=f"10.0.0.{n}") for n in range(2))
    b = world.slot_state(Slot.B, world.service(Slot.B, revision, deployment=f"d2.{revision}"), tasks=tasks)
    a = world.slot_state(Slot.A, world.service(Slot.A, 41, deployment="d1.41.served"))
    found = world.snapshot(a, b, weights={"a": 1})
    return replace(
        found, load_balancers=(ELSEWHERE, SHOP), tastes=(taste(SECRET, slot=Slot.A), taste(SECRET)), routes=(route(),)
    )


def scene(
    ports: Ports,
    found: Snapshot,
    prober: Answering,
    *,
    identity: IdentitySpec | None = IDENTITY,
    shell: Ending | None = None,
    clock: VirtualClock | None = None,
) -> Scene:
    """Return what a question needs."""
    around = replace(
        ports,
        prober=prober,
        clock=clock or VirtualClock(),
        shell=shell or Ending(CommandResult(exit_code=0, output="")),
    )
    return Scene(spec=replace(world.spec(), identity=identity), snapshot=found, ports=around, secrets={})
