"""AWS as the simulation has it: the lab's world, tasks that take their time, and a load balancer that lags its API.

The world is looked after only as often as something happens: every second while it does, ever more seldom while it does
not. Each kind of answer has a version; while that is the same, so is the answer, and it is read and translated once.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeVar

from region import Region, holds
from sim.timeline import Timeline
from teal.lab.front import answer
from teal.lab.world.wires import DataPlane, Forward, ProxyGroup, ProxyRule, TargetSeen, WantedTask

T = TypeVar("T")
State = Literal["initial", "healthy", "unhealthy"]
Shares = tuple[tuple[str, int], ...]
HOSTS = ("one.test", "two.test")
OFTEN_S, SELDOM_S = 1.0, 30.0
READS = ("Describe", "List", "Get")
FRUITS: Mapping[str, tuple[str, ...]] = {  # which versions a write makes new
    "ModifyRule": ("rules", "groups", "health"),
    "CreateRule": ("rules", "tags", "groups", "health"),
    "DeleteRule": ("rules", "tags", "groups", "health"),
    "AddTags": ("tags",),
    "RemoveTags": ("tags",),
    "CreateTargetGroup": ("groups",),
    "ModifyTargetGroupAttributes": ("groups",),
    "TagResource": ("services", "definitions"),
    "UntagResource": ("services", "definitions"),
    "RegisterTaskDefinition": ("definitions",),
}
TAGGING = frozenset({"AddTags", "RemoveTags", "TagResource", "UntagResource"})  # tasks and targets stay as they are
ALL_OF_SERVICES = ("services", "tasks", "health")
OF_ECS = frozenset({"ecs", "task"})  # whose lines of the world's story make answers of ECS new


@dataclass(slots=True)
class Node:
    """One node of the load balancer: the rules that it has taken up, which are not the newest."""

    version: int = 0
    rules: tuple[ProxyRule, ...] = ()
    shares: Mapping[str, Shares] = field(default_factory=dict[str, Shares])  # by host name of a production route


@dataclass(slots=True)
class Cloud(Region):
    """A region whose time is a timeline that several actors share."""

    time: Timeline = field(init=False)
    nodes: tuple[Node, Node] = field(default_factory=lambda: (Node(), Node()))
    versions: dict[str, int] = field(default_factory=dict[str, int])
    changed_at_s: dict[str, float] = field(default_factory=dict[str, float])
    lag_s: Callable[[], float] = float  # how late a node takes up a change of rules
    seen_by_all: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])  # told of each change
    plane: DataPlane = field(default_factory=lambda: DataPlane(listeners=(), groups=()))  # as the API has it
    plane_groups: dict[str, ProxyGroup] = field(default_factory=dict[str, ProxyGroup])
    healthy_now: dict[str, int] = field(default_factory=dict[str, int])  # by ARN of the group
    by_address: dict[str, WantedTask] = field(default_factory=dict[str, WantedTask])
    _memo: dict[Hashable, tuple[tuple[int, ...], Any]] = field(
        default_factory=dict[Hashable, tuple[tuple[int, ...], Any]]
    )
    _said: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    _events_seen: int = 0
    _pace_s: float = OFTEN_S
    _next_tick_s: float = 0.0
    _rule_version: int = 0

    def __post_init__(self) -> None:
        Region.__post_init__(self)
        self.wind_up()

    def wind_up(self) -> None:
        """Begin a timeline of its own, now."""
        self.time = Timeline(self)
        self._memo = {}
        self._events_seen = len(self.ground.events)
        self.stir()

    def unwound(self) -> "Cloud":
        """Return this cloud without what cannot be copied: whoever copies it winds it up again."""
        del self.time
        self._memo, self.each_tick, self.seen_by_all = {}, [], []
        self.lag_s = float
        self.ground.events.clear()
        return self

    # Time

    def pass_time(self, seconds: float) -> None:
        """Let time pass for the actor that calls."""
        self.time.wait(seconds)

    def stir(self) -> None:
        """Look after the world soon: something was done to it."""
        self._pace_s = OFTEN_S
        if self._next_tick_s <= self.now_s or self._next_tick_s > self.now_s + OFTEN_S:
            self._set_tick(self.now_s + OFTEN_S)

    def _set_tick(self, at_s: float) -> None:
        self._next_tick_s = at_s

        def tick() -> None:
            if self._next_tick_s == at_s:  # else another one took its place
                self._tick()

        self.time.at(at_s, tick)

    def _tick(self) -> None:
        self.world.advance(self.now_s)
        tasks = self.world.tasks()
        for task in tasks:
            self._play(task)
        told = self.ground.events[self._events_seen :]
        if told:
            self._take_up_targets(tasks)
        news = self._check_health() or bool(told)
        self._events_seen = len(self.ground.events)
        self._pace_s = OFTEN_S if news else min(self._pace_s * 1.5, SELDOM_S)
        if news:
            self.bump("health", *(("services", "tasks") if any(each.source in OF_ECS for each in told) else ()))
            self.tell_all()
        self._set_tick(self.now_s + self._pace_s)

    def _take_up_targets(self, tasks: tuple[WantedTask, ...] | None = None) -> None:
        self.by_address = {task.address: task for task in (self.world.tasks() if tasks is None else tasks)}
        self.plane = self.world.data_plane()
        self.plane_groups |= {group.arn: group for group in self.plane.groups}  # nodes that lag use others, too

    def _check_health(self) -> bool:
        """Let the load balancer's health checks say what is new; keep count of who is healthy."""
        news = False
        count: dict[str, int] = {}
        for arn, group in self.plane_groups.items():
            count[arn] = 0
            for target in group.targets:
                state = self._state_of(target.host)
                count[arn] += state == "healthy"
                key = arn, target.host
                if self._said.get(key) != state:
                    self._said[key] = state
                    news = True
                    self.world.observe(seen(arn, target.host, target.port, state), self.now_s)
        news = news or count != self.healthy_now
        self.healthy_now = count
        return news

    def _task_at(self, address: str) -> WantedTask | None:
        return self.by_address.get(address)

    def _health(self, address: str) -> TargetSeen:
        return seen("", address, 0, self._state_of(address))

    def _state_of(self, address: str) -> State:
        task = self.by_address.get(address)
        if task is None:
            return "initial"
        image = task.containers[0].image
        if "sick" in image or image in self.dead:
            return "unhealthy"
        started_s = self._started.get(task.task_id)
        if started_s is not None and self.now_s - started_s >= ready_after_s(task.task_id):
            return "healthy"
        return "initial"

    # What changes

    def bump(self, *kinds: str) -> None:
        """Make answers of these kinds new."""
        for kind in kinds:
            self.versions[kind] = self.versions.get(kind, 0) + 1
            self.changed_at_s[kind] = self.now_s

    def wrote(self, operation: str) -> None:
        """Take note of a write, whoever made it."""
        kinds = FRUITS.get(operation, ALL_OF_SERVICES)
        self.bump(*kinds)
        if operation not in TAGGING:
            self._take_up_targets()
            if "rules" in kinds:
                self._propagate()
                self._said.clear()  # a group that comes into use is checked from the beginning
            self._check_health()
            self.stir()
        self.tell_all()

    def _propagate(self) -> None:
        """Let each node take up the rules as they are now, in its own time, and never older ones after newer ones."""
        self._rule_version += 1
        rules = tuple(rule for listener in self.plane.listeners for rule in listener.rules)
        shares = production_shares(rules)
        version = self._rule_version
        for node in self.nodes:
            self.time.at(self.now_s + self.lag_s(), lambda node=node: self._take_up(node, version, rules, shares))  # type: ignore[misc]  # each node its own

    def _take_up(self, node: Node, version: int, rules: tuple[ProxyRule, ...], shares: Mapping[str, Shares]) -> None:
        if version > node.version:
            node.version, node.rules, node.shares = version, rules, shares
            self.tell_all()

    def tell_all(self) -> None:
        """Tell everybody who watches that something changed."""
        for look in self.seen_by_all:
            look()

    def aws(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - AWS's own shapes
        """Call as somebody else than teal would: not counted, not disturbed."""
        if operation.startswith(READS):
            return self.world.call(service, operation, params, self.now_s)
        result = answer(self.world, service, operation, params, self.now_s)
        self.wrote(operation)
        return result

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Call the region as botocore would; a run that sets the scene does, and nothing is done to it."""
        result = Region.call(self, service, operation, params)
        if not operation.startswith(READS):
            self.wrote(operation)
        return result

    def remembered(self, key: Hashable, kinds: tuple[str, ...], read: Callable[[], T]) -> T:
        """Return what is read, or what was read when nothing has changed since."""
        version = tuple(self.versions.get(kind, 0) for kind in kinds)
        known = self._memo.get(key)
        if known is not None and known[0] == version:
            return known[1]  # type: ignore[no-any-return]  # what `read` returned then
        value = read()
        self._memo[key] = version, value
        return value

    # Production

    def ask(self, headers: Mapping[str, str], name: str, path: str) -> tuple[int, str]:
        """Return (status, revision) that one of the nodes answers now."""
        self._turn += 1
        rules = self.nodes[self._turn % len(self.nodes)].rules
        rule = next((r for r in rules if all(holds(c, path, headers, name) for c in r.conditions)), None)
        if rule is None or not isinstance(rule.action, Forward):
            return 404, ""
        total = sum(weight for _, weight in rule.action.shares)
        place = (self._turn * 37) % total if total else 0
        for arn, weight in rule.action.shares:
            if place < weight:
                return self._answer_of(arn)
            place -= weight
        return 503, ""

    def _answer_of(self, arn: str) -> tuple[int, str]:
        group = self.plane_groups.get(arn)
        ready = [t for t in group.targets if self._state_of(t.host) == "healthy"] if group is not None else []
        if not ready:
            return 503, ""
        task = self.by_address[ready[self._turn % len(ready)].host]
        broken = any("errors" in container.image for container in task.containers)
        return (500 if broken else 200), str(task.revision)

    @property
    def caught_up(self) -> bool:
        """Whether every node has taken up the newest rules."""
        return all(node.version == self._rule_version for node in self.nodes)

    def api_shares(self) -> Mapping[str, Shares]:
        """Return what the API says now of each production route, by host."""
        return production_shares(tuple(rule for listener in self.plane.listeners for rule in listener.rules))


def seen(group_arn: str, address: str, port: int, state: State) -> TargetSeen:
    """Return what the load balancer says of a target."""
    sick = state == "unhealthy"
    return TargetSeen(
        group_arn=group_arn,
        target_id=address,
        port=port,
        state=state,
        reason="Target.ResponseCodeMismatch" if sick else "",
        description="Health checks failed with these codes: [500]" if sick else "",
    )


def production_shares(rules: tuple[ProxyRule, ...]) -> dict[str, Shares]:
    """Return the weights of the production routes, by host; a route that does not forward has none."""
    found: dict[str, Shares] = {}
    for rule in rules:
        for condition in rule.conditions:
            if condition.field == "host-header" and condition.values[0] in HOSTS:
                found[condition.values[0]] = rule.action.shares if isinstance(rule.action, Forward) else ()
    return found


@cache
def ready_after_s(task_id: str) -> float:
    """Return how long a task takes from its start to its first good health check: 3 to 18 seconds, always the same."""
    return 3.0 + int(task_id[-4:], 16) / 0x10000 * 15.0
