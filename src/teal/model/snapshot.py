"""What was seen at one instant."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from teal.model.identity import Caller, Slot
from teal.model.spec import GroupSpec, RouteSpec
from teal.model.tags import BEFORE, DEPLOYMENT, MOVE, DeploymentTag, MoveTag, parse_deployment, parse_move
from teal.model.traffic import Listener, LoadBalancer, Rule, TargetGroup, TargetHealth
from teal.model.workload import Service, Task, TaskDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState:
    """A target group of a slot. `group` is None where it does not exist; `targets` None where health was not read."""

    spec: GroupSpec
    group: TargetGroup | None
    targets: tuple[TargetHealth, ...] | None = None

    @property
    def healthy(self) -> int:
        """How many targets are healthy."""
        return sum(target.state == "healthy" for target in self.targets or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotState:
    """A slot: its service (None where there is none), its groups, its tasks, running and lately stopped."""

    slot: Slot
    service: Service | None
    groups: tuple[GroupState, ...]
    tasks: tuple[Task, ...] = ()

    def group(self, key: str) -> GroupState:
        """Return the group with this `container:port`."""
        return next(state for state in self.groups if state.spec.key == key)

    @property
    def deployment(self) -> DeploymentTag | None:
        """What the service's tag says it holds or shall hold."""
        return parse_deployment(self.service.tags.get(DEPLOYMENT)) if self.service else None

    @property
    def before(self) -> DeploymentTag | None:
        """What the service held before the deployment of its tag."""
        return parse_deployment(self.service.tags.get(BEFORE)) if self.service else None

    @property
    def healthy(self) -> int:
        """How many targets are healthy in the weakest group."""
        return min((group.healthy for group in self.groups), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteState:
    """A route as found. `rule` is None where no rule, or more than one, matches; `candidates` says what is there."""

    spec: RouteSpec
    listener: Listener | None
    rule: Rule | None
    matches: int = 0
    candidates: tuple[str, ...] = ()

    @property
    def move(self) -> MoveTag | None:
        """The move that the tag of this rule tells of."""
        return parse_move(self.rule.tags.get(MOVE)) if self.rule else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TasteState:
    """The static rule by which the group `group_key` of `slot` is reached in secret on a listener."""

    slot: Slot
    group_key: str
    listener: Listener
    rule: Rule | None
    free_priority: int | None = None  # where a missing rule would go; None when there is no room


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that decisions are made from. Complete: a decision has no way to ask for more."""

    taken_at_s: float
    caller: Caller
    cluster_found: bool
    load_balancers: tuple[LoadBalancer, ...]
    slots: Mapping[Slot, SlotState]
    routes: tuple[RouteState, ...]  # in the fixed order of the configuration
    tastes: tuple[TasteState, ...] = ()
    taste_listeners_missing: tuple[int, ...] = ()  # configured `taste.ports` without a listener
    strangers: tuple[str, ...] = ()  # rules that forward to a slot's group and are neither route, taste nor ignored
    definitions: Mapping[str, TaskDefinition] = field(default_factory=dict[str, TaskDefinition])  # by ARN
    scalable: frozenset[str] = frozenset()  # services that are scalable targets
    services_known: bool = True  # False: ECS did not answer a way back, which does not wait for it

    def slot(self, slot: Slot) -> SlotState:
        """Return the state of `slot`."""
        return self.slots[slot]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The production rules that exist, in the fixed order."""
        return tuple(route.rule for route in self.routes if route.rule is not None)

    @property
    def move(self) -> MoveTag | None:
        """The move under way or last made: where routes differ, the newest tag is the move."""
        moves = [move for move in (route.move for route in self.routes) if move is not None]
        return max(moves, key=lambda move: move.entered_at_s, default=None)

    def definition(self, family: str, revision: int) -> TaskDefinition | None:
        """Return the task definition `family:revision` if it was read."""
        return next((d for d in self.definitions.values() if (d.family, d.revision) == (family, revision)), None)
