"""Several deployers on one region in memory, with the real lock over one store; their hearts beat with its clock."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from locks import MemoryStore, NoPulse, owner
from region import Region, Stage, stage
from teal.aws.account import AwsAccount
from teal.aws.compute import EcsCompute
from teal.aws.leased import LeasedDoor, guard
from teal.aws.router import Elbv2Router
from teal.execute.executor import Executor
from teal.host.lock import Keeper, Who
from teal.model.event import Event, Noted, RunEnded, Waited
from teal.model.identity import Caller, Slot
from teal.model.lock import Life, Owner
from teal.model.run import Deploy, Intent, Run
from teal.model.spec import OnStop
from teal.model.step import Hold
from teal.plan.situation import share_of
from teal.ports import Ports

STEPS = "[10% for 10m, 50% for 10m, 100%]"


@dataclass(slots=True)
class Sent:
    """The region, as requests reach it that were signed and looked at."""

    region_: Region
    keeper: Keeper

    @property
    def region(self) -> str:
        """The region's name."""
        return self.region_.region

    def endpoint(self, service: str) -> str:
        """Where it is called."""
        return self.region_.endpoint(service)

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Look at the lease as the client does right before it sends, then call."""
        guard(lambda *_: None, self.keeper)(service, operation)
        return self.region_.call(service, operation, params)


@dataclass(slots=True)
class RegionTime:
    """The region's clock, as leases count."""

    region: Region

    def elapsed_s(self) -> float:
        """Return the virtual instant."""
        return self.region.now_s


@dataclass(slots=True)
class Deployers:
    """Whoever deploys to one app, and the store of its lock."""

    stage: Stage
    store: MemoryStore = field(default_factory=MemoryStore)
    dead: set[str] = field(default_factory=set[str])
    frozen: set[str] = field(default_factory=set[str])  # those whose process does not run
    skew_s: float = 0.0
    asked: Callable[[], bool] = lambda: True  # what a person answers to every question
    runs: int = 0
    left: list[Iterator[Event]] = field(default_factory=list[Iterator[Event]])  # kept: whoever leaves a run ends it

    def tell(
        self, name: str, intent: Intent, lock_wait_s: float = 0.0, timeout_s: float | None = None
    ) -> Iterator[Event]:
        """Run a command as `name`, telling what happens as it happens."""
        self.runs += 1
        region = self.stage.region
        who = Who(owner=lambda: owner(name), token=f"run-{self.runs}", life=self._life)
        keeper = Keeper(lambda _: self.store, RegionTime(region), who, NoPulse())
        region.each_tick.append(lambda: None if name in self.frozen else keeper.beat())
        run = Run(
            id=f"d{region.hex()}",
            secrets={slot: f"{slot}0123456789abcdef0123456789abcdef" for slot in Slot},
            started_at_s=region.now_s,
            lock_wait_s=lock_wait_s,
        )
        events = Executor(
            spec=self.stage.spec,
            ports=self._ports(keeper),
            intent=intent,
            run=run,
            command=type(intent).__name__.lower(),
            approve=lambda _plan, _seen: self.asked(),
            timeout_s=timeout_s,
        ).events()
        self.left.append(events)
        return events

    def run(self, name: str, intent: Intent, lock_wait_s: float = 0.0) -> tuple[RunEnded, list[Event]]:
        """Run a command to its end; return how it ended and all that happened."""
        events = list(self.tell(name, intent, lock_wait_s))
        ended = events[-1]
        assert isinstance(ended, RunEnded)
        return ended, events

    def stays(self) -> "Deployers":
        """Return the same with `on_stop: stay`."""
        spec = self.stage.spec
        deploy = replace(spec.deploy, on_stop=OnStop.STAY)
        return replace(self, stage=replace(self.stage, spec=replace(spec, deploy=deploy)))

    def _ports(self, keeper: Keeper) -> Ports:
        door = LeasedDoor(Sent(self.stage.region, keeper), keeper)
        account = Skewed(AwsAccount(door), self.skew_s)
        return replace(
            self.stage.ports(), compute=EcsCompute(door), router=Elbv2Router(door), account=account, lock=keeper
        )  # fmt: skip

    def _life(self, other: Owner) -> Life:
        return Life.DEAD if other.user in self.dead else Life.UNKNOWN


@dataclass(slots=True)
class Skewed:
    """An account whose clock is ahead of ours."""

    account: AwsAccount
    skew_s: float

    def caller(self) -> Caller:
        """Return who asks."""
        return replace(self.account.caller(), skew_s=self.skew_s)

    def scalable(self, cluster: str, services: Any) -> frozenset[str]:  # noqa: ANN401 - handed on
        """Return what is scaled."""
        return self.account.scalable(cluster, services)


def first_serves(directory: Path) -> Deployers:
    """Return an app whose first deployment serves, and whose next is configured."""
    first = stage(directory, shift=STEPS)
    there = Deployers(stage=first)
    ended, _ = there.run("ann", Deploy())
    assert ended.exit_code == 0, ended
    first.region.pass_time(300)
    there.stage = first.with_image("shop/web:2")
    return there


def until(events: Iterator[Event], wanted: Callable[[Event], bool]) -> Event:
    """Play a run until an event; it is left there as a process that somebody stopped."""
    for event in events:
        assert not isinstance(event, RunEnded), event
        if wanted(event):
            return event
    raise AssertionError("it never came")


def holding(event: Event) -> bool:
    """Say whether a run holds a weight."""
    return isinstance(event, Waited) and isinstance(event.step, Hold)


def share(deployers: Deployers, slot: Slot = Slot.B) -> Fraction:
    """Return the share of a slot."""
    snapshot = deployers.stage.look()
    return share_of(snapshot, snapshot.routes[0], slot)


def notes(events: list[Event]) -> list[str]:
    """Return what was noted."""
    return [event.message for event in events if isinstance(event, Noted)]


def forge(deployers: Deployers, weight: int) -> None:
    """Write a weight for slot b behind everybody's back, as a request that was long on its way."""
    snapshot = deployers.stage.look()
    rule = snapshot.routes[0].rule
    assert rule is not None
    groups = {slot: snapshot.slot(slot).groups[0].group for slot in Slot}
    shares = [(groups[Slot.A], 100 - weight), (groups[Slot.B], weight)]
    forward = {"TargetGroups": [{"TargetGroupArn": g.arn, "Weight": w} for g, w in shares if g is not None and w]}
    action = {"Type": "forward", "ForwardConfig": forward}
    deployers.stage.region.aws("elbv2", "ModifyRule", RuleArn=rule.arn, Actions=[action])


def lands(deployers: Deployers, after_s: float, act: Callable[[], object]) -> list[float]:
    """Let something happen after a while; the list is empty once it has."""
    region = deployers.stage.region
    due_s = [region.now_s + after_s]

    def land() -> None:
        if due_s and region.now_s > due_s[0]:
            due_s.clear()
            act()

    region.each_tick.append(land)
    return due_s
