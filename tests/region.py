"""A region in memory: the lab's world under a virtual clock, played with the real AWS adapters.

Tasks start, answer, sicken and end as their image says; the load balancer is the world's own data plane, asked request
by request. Time passes only when somebody sleeps. Nothing here is patched: adapters, executor and planner are the
product's.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from region_containers import Containers, crash
from region_fakes import Shell, Story
from region_files import SERVICE, TASKDEF, TEAL_YAML
from region_gather import in_turn, in_turn_within
from teal.aws.account import AwsAccount
from teal.aws.call import Door
from teal.aws.compute import EcsCompute
from teal.aws.errors import error_for
from teal.aws.images import RegistryImages
from teal.aws.logs import CloudWatchLogs
from teal.aws.router import Elbv2Router
from teal.config import source
from teal.execute.executor import Executor
from teal.lab.front import answer
from teal.lab.world.ground import Ground
from teal.lab.world.wires import (
    AwsRefusal,
    Condition,
    ContainerExited,
    DataPlane,
    Forward,
    Phase,
    ProxyListener,
    ProxyRule,
    TargetSeen,
    TaskStarted,
    WantedTask,
)
from teal.lab.world.world import World
from teal.model.event import Event, RunEnded
from teal.model.identity import Slot
from teal.model.run import Intent, Run
from teal.model.snapshot import Snapshot
from teal.model.spec import Spec
from teal.observe.observer import Observer
from teal.ports import Ports, Reply, Request

Params = Mapping[str, Any]
Reach = Callable[[Params], dict[str, Any]]
BEGINNING_S = 1_800_000_000.0
TICK_S = 0.5
OFFSET = 8000


class Killed(BaseException):
    """The process of the run is no more."""


@dataclass(slots=True)
class Region:
    """The region, its clock, and everything that runs in it."""

    time_scale: float = 1.0
    now_s: float = BEGINNING_S
    shortest_tick_s: float = 0.02  # however small the time scale
    signal: int | None = None
    calls: Counter[str] = field(default_factory=Counter[str])
    written: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list[tuple[str, Mapping[str, Any]]])
    before_call: Callable[[str, str, Mapping[str, Any]], None] | None = None
    after_call: Callable[[str, str, Mapping[str, Any]], None] | None = None
    between: Callable[[str, Params, Reach], dict[str, Any]] | None = None  # makes AWS of the call what it likes
    each_tick: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    dead: set[str] = field(default_factory=set[str])  # images whose health checks fail from now on
    _started: dict[str, float] = field(default_factory=dict[str, float])
    _told: set[str] = field(default_factory=set[str])
    _containers: Containers = field(default_factory=Containers)
    _turn: int = 0
    ground: Ground = field(init=False)
    world: World = field(init=False)

    def __post_init__(self) -> None:
        self.ground = Ground(time_scale=self.time_scale, low_port_offset=OFFSET)
        self.world = World(self.ground, self.now_s)

    def hex(self) -> str:
        """Return a new deployment id's digits."""
        return self.ground.hex_id(10)

    # The clock

    def pass_time(self, seconds: float) -> None:
        """Let time pass, in ticks in which the world, the tasks and the balancer do their part."""
        until_s = self.now_s + seconds
        tick_s = max(TICK_S * min(self.time_scale * 4, 1.0), self.shortest_tick_s)
        while self.now_s < until_s - 1e-9:
            self.now_s = min(self.now_s + tick_s, until_s)
            self._tick()

    def _tick(self) -> None:
        self.world.advance(self.now_s)
        for task in self.world.tasks():
            self._play(task)
        for group in self.world.data_plane().groups:
            for target in group.targets:
                seen = self._health(target.host)
                self.world.observe(replace(seen, group_arn=group.arn, port=target.port), self.now_s)
        for look in self.each_tick:
            look()

    def _play(self, task: WantedTask) -> None:
        if task.phase is not Phase.RUN:
            for each in task.containers:
                ended = ContainerExited(task_id=task.task_id, container=each.name, exit_code=143)
                self.world.observe(ended, self.now_s)
            return
        started_s = self._started.setdefault(task.task_id, self.now_s)
        if task.task_id not in self._told:
            self._told.add(task.task_id)
            dial = {port: (task.address, port) for c in task.containers for port in c.ports}
            self.world.observe(TaskStarted(task_id=task.task_id, dial=dial), self.now_s)
            self._containers.begin(task)
            return
        for seen in self._containers.go_on(task, self.dead):
            self.world.observe(seen, self.now_s)
        if any("crash" in c.image for c in task.containers) and self.now_s - started_s > 1.0 * self.time_scale:
            for last in crash(task):
                self.world.observe(last, self.now_s)

    def _task_at(self, address: str) -> WantedTask | None:
        return next((task for task in self.world.tasks() if task.address == address), None)

    def _health(self, address: str) -> TargetSeen:
        task = self._task_at(address)
        image = task.containers[0].image if task is not None else ""
        age_s = self.now_s - self._started.get(task.task_id, self.now_s) if task is not None else 0.0
        if "sick" in image or image in self.dead:
            state, reason, text = (
                "unhealthy",
                "Target.ResponseCodeMismatch",
                "Health checks failed with these codes: [500]",
            )
        elif task is not None and age_s >= 2.0 * self.time_scale and "slow" not in image:
            state, reason, text = "healthy", "", ""
        else:
            state, reason, text = "initial", "", ""
        return TargetSeen(group_arn="", target_id=address, port=0, state=state, reason=reason, description=text)  # type: ignore[arg-type]  # one of the three words

    # AWS

    @property
    def region(self) -> str:
        """The region's name."""
        return self.ground.region

    def endpoint(self, service: str) -> str:
        """Where this region is called: on loopback, so that its word on the time scale is believed."""
        return f"http://127.0.0.1:1/{service}"

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Call the region as botocore would."""
        name = f"{service}:{operation}"
        if self.before_call is not None:
            self.before_call(service, operation, params)
        self.calls[name] += 1
        if not operation.startswith(("Describe", "List", "Get")):
            self.written.append((name, params))

        def reach(wanted: Params) -> dict[str, Any]:
            return answer(self.world, service, operation, wanted, self.now_s)

        try:
            result = reach(params) if self.between is None else self.between(operation, params, reach)
        except AwsRefusal as refusal:
            raise error_for(name, refusal.code, refusal.message, status=refusal.status) from refusal
        if self.after_call is not None:
            self.after_call(service, operation, params)
        headers = {
            "x-teal-lab-time-scale": str(self.time_scale),
            "x-teal-lab-low-port-offset": str(OFFSET),
        }
        return {**result, "ResponseMetadata": {"HTTPHeaders": headers, "HTTPStatusCode": 200}}

    def aws(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - AWS's own shapes
        """Call as somebody else than teal would: not counted, not disturbed."""
        return answer(self.world, service, operation, params, self.now_s)

    # The production of this region, asked

    def get(self, host: str, port: int, path: str, headers: Mapping[str, str], name: str = "") -> tuple[int, str]:
        """Return (status, revision) that the load balancer at `host:port` answers now."""
        plane = self.world.data_plane()
        listener = next((x for x in plane.listeners if (x.host, x.port) == (host, port)), None)
        return (0, "") if listener is None else self.got(plane, listener, path, headers, name)

    def got(
        self, plane: DataPlane, listener: ProxyListener, path: str, headers: Mapping[str, str], name: str
    ) -> tuple[int, str]:
        """Return (status, revision) that a listener of the load balancer answers now."""
        rule = next(r for r in listener.rules if all(holds(c, path, headers, name) for c in r.conditions))
        return self._answer(plane, rule)

    def healthy(self, plane: DataPlane) -> dict[str, int]:
        """Return how many targets the load balancer finds healthy now, by group."""
        return {g.arn: sum(self._health(t.host).state == "healthy" for t in g.targets) for g in plane.groups}

    def _answer(self, plane: DataPlane, rule: ProxyRule) -> tuple[int, str]:
        if not isinstance(rule.action, Forward):
            return 404, ""
        self._turn += 1
        total = sum(weight for _, weight in rule.action.shares)
        place = (self._turn * 37) % total if total else 0
        chosen = ""
        for arn, weight in rule.action.shares:
            if place < weight and not chosen:
                chosen = arn
            place -= weight
        group = next(g for g in plane.groups if g.arn == chosen)
        ready = [t for t in group.targets if self._health(t.host).state == "healthy"]
        if not ready:
            return 503, ""
        task = self._task_at(ready[self._turn % len(ready)].host)
        if task is None:
            return 502, ""
        broken = any("errors" in container.image for container in task.containers)
        return (500 if broken else 200), str(task.revision)


def holds(condition: Condition, path: str, headers: Mapping[str, str], name: str) -> bool:
    """Say whether a request meets a condition of a rule."""
    lower = {key.lower(): value for key, value in headers.items()}
    match condition.field:
        case "host-header":
            return any(fnmatchcase(name.lower(), value.lower()) for value in condition.values)
        case "path-pattern":
            return any(fnmatchcase(path, value) for value in condition.values)
        case "http-header":
            said = lower.get(condition.header.lower(), "")
            return any(fnmatchcase(said.lower(), value.lower()) for value in condition.values)
        case _:
            return False


@dataclass(slots=True)
class Clock:
    """The region's clock, as teal sees it."""

    region: Region

    def now_s(self) -> float:
        """Return the virtual instant."""
        return self.region.now_s

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.region.pass_time(seconds)

    def stop_signal(self) -> int | None:
        """Return the signal that the test sent."""
        return self.region.signal


@dataclass(slots=True)
class Prober:
    """Asks the region's load balancer."""

    region: Region

    def addresses(self, dns_name: str) -> tuple[str, ...]:
        """The name is the address."""
        return (dns_name,)

    def ask(self, request: Request) -> Reply:
        """Ask."""
        status, revision = self.region.get(
            request.address, request.port, request.path, request.headers, request.host
        )  # fmt: skip
        if status == 0:
            return Reply(status=0, headers={}, body="", error="connection refused")
        return Reply(status=status, headers={"x-revision": revision}, body=f"revision {revision}")


@dataclass(slots=True)
class Stage:
    """An app on a region: what a test plays with."""

    region: Region
    spec: Spec
    shell: Shell = field(default_factory=Shell)
    story: Story = field(default_factory=Story)
    runs: int = 0
    door: Door | None = None  # another way to the region

    def ports(self) -> Ports:
        """Return fresh adapters, as a new process has them."""
        door = self.door or self.region
        return Ports(
            compute=EcsCompute(door),
            router=Elbv2Router(door),
            account=AwsAccount(door),
            images=RegistryImages(door, lambda _: None),
            logs=CloudWatchLogs(door),
            prober=Prober(self.region),
            shell=self.shell,
            clock=Clock(self.region),
            journal=self.story,
            gather=in_turn,
            within=in_turn_within,
        )

    def with_image(self, image: str) -> "Stage":
        """Return the same app with another image configured."""
        body = self.spec.task_definition
        containers = [{**container, "image": image} for container in body["containerDefinitions"]]
        spec = replace(self.spec, task_definition={**body, "containerDefinitions": containers})
        return replace(self, spec=spec)

    def run(self, intent: Intent, timeout_s: float | None = None) -> RunEnded:
        """Execute a command in a new run and return how it ended."""
        return list(self.events(intent, timeout_s))[-1]  # type: ignore[return-value]  # the last event is RunEnded

    def events(self, intent: Intent, timeout_s: float | None = None) -> list[Event]:
        """Execute a command in a new run and return all that happened."""
        return list(self.tell(intent, timeout_s))

    def tell(self, intent: Intent, timeout_s: float | None = None) -> Iterator[Event]:
        """Execute a command in a new run and tell what happens as it happens."""
        self.runs += 1
        run = Run(
            id=f"d{self.region.hex()}",
            secrets={slot: f"{slot}0123456789abcdef0123456789abcdef" for slot in Slot},
            started_at_s=self.region.now_s,
        )
        executor = Executor(
            spec=self.spec,
            ports=self.ports(),
            intent=intent,
            run=run,
            command=type(intent).__name__.lower(),
            approve=lambda _plan, _seen: True,
            timeout_s=timeout_s,
        )
        return executor.events()

    def look(self) -> Snapshot:
        """Take a full look."""
        return Observer(self.spec, self.ports()).full()


ONE_ROUTE = "  - {load_balancer: shop, listener: 80, create: {priority: 20, conditions: {path: [/*]}}}"
TWO_ROUTES = """  - {load_balancer: shop, listener: 80, create: {priority: 20, conditions: {host: [one.test]}}}
  - {load_balancer: shop, listener: 80, create: {priority: 30, conditions: {host: [two.test]}}}"""


def stage(
    directory: Path,
    *,
    routes: str = ONE_ROUTE,
    shift: str = "all_at_once",
    bake: str = "0s",
    time_scale: float = 1.0,
    extra: str = "",
) -> Stage:
    """Return an app that is configured and not deployed, with its cluster and load balancer in place."""
    (directory / "teal.yaml").write_text(TEAL_YAML % (routes, shift, bake) + extra)
    (directory / "taskdef.json").write_text(TASKDEF)
    (directory / "service.json").write_text(SERVICE)
    spec = source.load(directory / "teal.yaml", environ={}, images={}, sets=())
    region = Region(time_scale=time_scale)
    set_scene(region)
    return Stage(region=region, spec=spec)


def set_scene(region: Region) -> str:
    """Create what teal never creates: cluster, load balancer, listener. Return the listener's ARN."""
    region.aws("ecs", "CreateCluster", clusterName="shop")
    made = region.aws("elbv2", "CreateLoadBalancer", Name="shop", Subnets=["subnet-a", "subnet-b"])
    not_found = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    listener = region.aws(
        "elbv2",
        "CreateListener",
        LoadBalancerArn=made["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[not_found],
    )
    return str(listener["Listeners"][0]["ListenerArn"])
