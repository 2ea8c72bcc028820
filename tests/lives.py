"""Lives of an app on the region in memory: brought into a state by real commands, killed where a test wants it.

A process that is killed does nothing more, so a crash point is the region as it is at one call: a test either raises
`Killed` there, or copies the region and lets the original go on.
"""

import pickle
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from region import TWO_ROUTES, Killed, Region, Stage, stage
from teal.lab.world.wires import DataPlane, Forward, ProxyRule
from teal.model.identity import Slot
from teal.model.run import Intent
from teal.model.snapshot import Snapshot
from teal.model.tags import VERDICT
from teal.plan.situation import classify, share_of

SCALE = 0.005
STEPPED = '["10% for 2m", "50% for 1m", "100%"]'
TWO_HOSTS = ("one.test", "two.test")
READS = ("Describe", "List", "Get")
Kill = tuple[str, int]  # an operation, and at which of its calls


@dataclass(slots=True)
class Production:
    """Looks at the production routes at every tick and after every write; remembers what would not be answered well."""

    region: Region
    served: bool = False
    failures: tuple[str, ...] = ()

    def look(self) -> None:
        """Every route must be there, and every group with weight must have a healthy target; then ask each route."""
        if not self.served:
            return
        plane = self.region.world.data_plane()
        healthy = self.region.healthy(plane)
        rules = {c.values[0]: rule for rule in production_rules(plane) for c in rule.conditions}
        self.failures += tuple(f"there is no route {host}" for host in TWO_HOSTS if host not in rules)
        self.failures += tuple(
            f"{host} gives {weight} to {arn}, which has no healthy target, at {self.region.now_s:.2f}"
            for host, rule in rules.items()
            if isinstance(rule.action, Forward)
            for arn, weight in rule.action.shares
            if weight and not healthy[arn]
        )

    def ask(self) -> None:
        """Ask each route."""
        if self.served and not answers(self.region):
            self.failures += (f"production does not answer at {self.region.now_s:.2f}",)


def production_rules(plane: DataPlane) -> list[ProxyRule]:
    """Return the rules of the routes: those by host."""
    return [r for each in plane.listeners for r in each.rules if any(c.field == "host-header" for c in r.conditions)]


def answers(region: Region) -> bool:
    """Ask every route once; say whether all answer well."""
    plane = region.world.data_plane()
    asked = [region.got(plane, each, "/", {}, host)[0] for each in plane.listeners for host in TWO_HOSTS]
    return bool(asked) and set(asked) == {200}


def watched(play: Stage) -> Production:
    """Watch the production of an app from now on, if it answers now."""
    region = play.region
    production = Production(region, served=answers(region))
    region.each_tick.append(production.look)
    earlier = region.after_call

    def after(service: str, operation: str, params: Mapping[str, Any]) -> None:
        if not operation.startswith(READS):
            production.look()
            production.ask()
        if earlier is not None:
            earlier(service, operation, params)

    region.after_call = after
    return production


def fork(play: Stage) -> Stage:
    """Return the same app on a copy of its region, without anybody who watches."""
    region = play.region
    hooks = region.before_call, region.after_call, region.each_tick
    region.before_call, region.after_call, region.each_tick = None, None, []
    try:
        twin: Region = pickle.loads(pickle.dumps(region))  # noqa: S301 - bytes of our own, twice as fast as deepcopy
    finally:
        region.before_call, region.after_call, region.each_tick = hooks
    return replace(play, region=twin, shell=deepcopy(play.shell), story=type(play.story)(), runs=0)


def killed(play: Stage, intent: Intent, at: Kill) -> Stage:
    """Run a command that is killed right after the n-th call of an operation was answered; return the app as it is."""
    operation, nth = at
    seen = 0

    def after(_: str, called: str, __: Mapping[str, Any]) -> None:
        nonlocal seen
        seen += called == operation
        if seen == nth:
            raise Killed

    play.region.after_call = after
    try:
        ended = play.run(intent)
    except Killed:
        pass
    else:
        raise AssertionError(f"{intent} was never at call {nth} of {operation}: {ended}")
    finally:
        play.region.after_call = None
    return play


def image_of(found: Snapshot, revision: int) -> str:
    """Return the last part of the image of a revision: `3` of `lab/shop:3`."""
    definition = found.definition("shop", revision)
    return "?" if definition is None else str(definition.body["containerDefinitions"][0]["image"]).rpartition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where an app stands, in the words of the tables."""

    row: int
    shares: str  # percent of slot a per route
    move: str  # `a.b.done`; "" where there is none
    a: str  # image and outcome of slot a: `1.served`; "" where there is no tag
    b: str
    ids: bool  # the move's id is the one that its slot `to` is tagged with

    @property
    def serves(self) -> str:
        """The slot with all the traffic; empty while it is split or nobody's."""
        return {"100": "a", "0": "b"}.get(" ".join(sorted(set(self.shares.split()))), "")

    @property
    def origin(self) -> str:
        """Where the move came from."""
        return self.move.partition(".")[0]

    @property
    def to(self) -> str:
        """Where the move goes."""
        return self.move.partition(".")[2].partition(".")[0]

    def __str__(self) -> str:
        return f"{self.row}: {self.shares} | {self.move} | {self.a} | {self.b}"


def state(play: Stage) -> State:
    """Return where the app stands."""
    found = play.look()
    situation = classify(play.spec, found)
    shares = [share_of(found, route, Slot.A) for route in found.routes if route.rule is not None]
    move = found.move
    holder = found.slot(move.to).deployment if move is not None else None
    return State(
        row=int(situation.row),
        shares=" ".join(f"{float(100 * share):g}" for share in shares),
        move=f"{move.origin or 'none'}.{move.to}.{move.stage}" if move is not None else "",
        a=_tag(found, Slot.A),
        b=_tag(found, Slot.B),
        ids=move is None or (holder is not None and holder.id == move.id),
    )


def _tag(found: Snapshot, slot: Slot) -> str:
    tag = found.slot(slot).deployment
    if tag is None:
        return ""
    return image_of(found, tag.revision) + (f".{tag.outcome}" if tag.outcome else "")


def judged(play: Stage) -> set[str]:
    """Return the images whose revisions bear a verdict."""
    found = play.look()
    return {image_of(found, each.revision) for each in found.definitions.values() if VERDICT in each.tags}


def on(play: Stage, image: str) -> Stage:
    """Return the same app with another image configured."""
    return play.with_image(f"lab/shop:{image}")


def must(play: Stage, intent: Intent, exit_code: int = 0) -> Stage:
    """Run a command that has to end like this; return the app as it is then."""
    ended = play.run(intent)
    assert ended.exit_code == exit_code, ended
    return play


def rest(play: Stage, seconds: float = 200.0) -> Stage:
    """Let time pass, in seconds of AWS."""
    play.region.pass_time(seconds * play.region.time_scale + 1.0)
    return play


def adopted(play: Stage, hosts: Sequence[str] = TWO_HOSTS) -> Stage:
    """Make by hand what teal then finds: group, service of slot a, a production rule per host; nothing is tagged."""
    region = play.region
    listener = region.aws("elbv2", "DescribeLoadBalancers", Names=["shop"])["LoadBalancers"][0]["LoadBalancerArn"]
    listener = region.aws("elbv2", "DescribeListeners", LoadBalancerArn=listener)["Listeners"][0]["ListenerArn"]
    made = region.aws(
        "elbv2",
        "CreateTargetGroup",
        Name="shop-a",
        Protocol="HTTP",
        Port=80,
        TargetType="ip",
        HealthCheckPath="/health",
        VpcId=region.aws("elbv2", "DescribeLoadBalancers")["LoadBalancers"][0]["VpcId"],
    )
    group = made["TargetGroups"][0]["TargetGroupArn"]
    for priority, host in zip((20, 30), hosts, strict=False):
        region.aws(
            "elbv2",
            "CreateRule",
            ListenerArn=listener,
            Priority=priority,
            Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": [host]}}],
            Actions=[{"Type": "forward", "TargetGroupArn": group}],
        )
    definition = region.aws("ecs", "RegisterTaskDefinition", **play.spec.task_definition)["taskDefinition"]
    region.aws(
        "ecs",
        "CreateService",
        **play.spec.service,
        cluster="shop",
        serviceName="shop-a",
        taskDefinition=definition["taskDefinitionArn"],
        loadBalancers=[{"targetGroupArn": group, "containerName": "web", "containerPort": 8080}],
    )
    region.pass_time(5.0)
    return play


def app(directory: Path, *, shift: str = STEPPED, bake: str = "10m", time_scale: float = SCALE) -> Stage:
    """Return an app of two routes that is configured and not deployed."""
    play = stage(directory, routes=TWO_ROUTES, shift=shift, bake=bake, time_scale=time_scale)
    play.region.shortest_tick_s = 0.1
    return play
