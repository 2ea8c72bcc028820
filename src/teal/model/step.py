"""The closed union of steps.

A step is a value: what it will do, as one sentence a person can approve, and its absolute target. It never blocks. An
act writes once; a wait is judged against the next look. No step knows how it is performed.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, assert_never

import msgspec

from teal.model.identity import Slot
from teal.model.spec import Gate, GroupSpec, HttpGate, RunGate
from teal.model.step_order import TagOrder
from teal.model.step_retire import AwaitDrained, AwaitStill, RetireSlot
from teal.model.tags import DeploymentTag, MoveTag, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateGroup:
    """Create a target group of a slot."""

    calls: ClassVar[tuple[str, ...]] = ("elbv2:CreateTargetGroup", "elbv2:ModifyTargetGroupAttributes")
    slot: Slot
    group: GroupSpec

    def sentence(self) -> str:
        """Say what will be done."""
        return f"create target group {self.group.name} for slot {self.slot}"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "none needed: an empty target group serves nothing and costs nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTaste:
    """Create the static rule by which people who know its secret (or port) reach a slot."""

    calls: ClassVar[tuple[str, ...]] = ("elbv2:CreateRule",)
    slot: Slot
    group_key: str
    group_name: str
    listener_arn: str
    listener_port: int
    priority: int
    by_port: bool

    def sentence(self) -> str:
        """Say what will be done."""
        how = "everything on this port" if self.by_port else "a secret header"
        return f"create taste rule {self.priority} on listener {self.listener_port}: {how} → {self.group_name}"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "none needed: the rule is static and matches no production request"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagMove:
    """Write the move tag on all routes that exist."""

    calls: ClassVar[tuple[str, ...]] = ("elbv2:AddTags",)
    tag: MoveTag
    percent: int | None = None  # the share that is announced with stage `shift`

    def sentence(self) -> str:
        """Say what will be done."""
        way = f"{self.tag.origin or 'nothing'} → {self.tag.to}"
        match self.tag.stage:
            case Stage.PREPARE:
                return f"record that a move {way} is being prepared"
            case Stage.HELD:
                return f"record that slot {self.tag.to} is held, tasted and ready"
            case Stage.SHIFT:
                share = "" if self.percent is None else f", {self.percent} %"
                return f"record that traffic is about to shift {way}{share}"
            case Stage.DONE:
                return f"record that the move {way} is done"
            case Stage.BACK:
                return f"record that the move {way} was taken back"
            case _:
                assert_never(self.tag.stage)

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "the next tag of the same move"


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Register a task definition revision. `family` names where, `seq` the deployment among others."""

    calls: ClassVar[tuple[str, ...]] = ("ecs:RegisterTaskDefinition",)
    family: str
    seq: int | None = None

    def sentence(self) -> str:
        """Say what will be done."""
        return f"register a new revision of task definition {self.family}"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "none needed: a revision that no service uses does nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateService:
    """Create the service of a slot, tagged with its deployment."""

    calls: ClassVar[tuple[str, ...]] = ("ecs:CreateService",)
    slot: Slot
    service: str
    family: str
    revision: int | None  # None: the one this run will register
    count: int
    tag: DeploymentTag | None

    def sentence(self) -> str:
        """Say what will be done."""
        what = f"{self.family}:{self.revision or 'new'}"
        return f"create service {self.service} in slot {self.slot} with {self.count} × {what}"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "kept for a look, without traffic"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagDeployment:
    """Write the deployment tag of a slot's service; `before` is written with it where it is not None."""

    calls: ClassVar[tuple[str, ...]] = ("ecs:TagResource",)
    slot: Slot
    tag: DeploymentTag
    before: str | None = None

    def sentence(self) -> str:
        """Say what will be done."""
        outcome = {"": "shall hold", "served": "serves", "back": "was taken back with"}[self.tag.outcome]
        return f"record that slot {self.slot} {outcome} revision {self.tag.revision or 'new'}"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return f"the value before: {self.before or 'none'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateService:
    """Bring a slot's service to a revision and a count; None leaves a field as it is."""

    calls: ClassVar[tuple[str, ...]] = ("ecs:UpdateService",)
    slot: Slot
    service: str
    family: str
    revision: int | None
    count: int | None
    settings: bool = False  # circuit breaker on without rollback, 100/200 percent
    putting_back: bool = False

    @property
    def replaces(self) -> bool:
        """Whether what the slot runs is replaced; more tasks of the same harm nobody."""
        return self.revision is not None or self.settings

    def sentence(self) -> str:
        """Say what will be done."""
        parts = [
            *([f"revision {self.family}:{self.revision}"] if self.revision is not None else []),
            *([f"{self.count} tasks"] if self.count is not None else []),
            *(["circuit breaker without rollback, 100/200 percent"] if self.settings else []),
        ]
        return (
            f"{'put' if self.putting_back else 'bring'} service {self.service} (slot {self.slot}) "
            + ("back to " if self.putting_back else "to ")
            + (", ".join(parts) or "the new revision")
        )

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "the revision in tag teal:before"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitWhole:
    """Wait until a slot holds a revision, whole and healthy."""

    calls: ClassVar[tuple[str, ...]] = ("ecs:DescribeServices", "elbv2:DescribeTargetHealth")
    slot: Slot
    revision: int | None
    count: int
    healthy_for_s: float
    deadline_at_s: float
    putting_back: bool = False

    def sentence(self) -> str:
        """Say what will be done."""
        steady = f" for {self.healthy_for_s:g} s" if self.healthy_for_s else ""
        return f"wait until slot {self.slot} is whole: {self.count} tasks of one revision, all healthy{steady}"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "nothing was changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveIdentity:
    """Prove that the taste route leads to the requested revision and to nothing else."""

    calls: ClassVar[tuple[str, ...]] = ("ecs:DescribeTasks", "elbv2:DescribeTargetHealth")
    slot: Slot
    revision: int | None

    def sentence(self) -> str:
        """Say what will be done."""
        return f"prove that slot {self.slot} answers as revision {self.revision or 'new'}: targets = tasks, taste route"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "nothing was changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PassGate:
    """Put a question to green through the taste route."""

    calls: ClassVar[tuple[str, ...]] = ()
    slot: Slot
    index: int
    gate: Gate

    def sentence(self) -> str:
        """Say what will be done."""
        return f"taste slot {self.slot}: {self.gate}"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "nothing was changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRoute:
    """Write the forward action of one route: absolute weights per slot, zero weights left out."""

    calls: ClassVar[tuple[str, ...]] = ("elbv2:ModifyRule", "elbv2:ModifyListener")
    index: int
    route: str
    shares: tuple[tuple[Slot, int], ...]

    def sentence(self) -> str:
        """Say what will be done."""
        total = sum(weight for _, weight in self.shares)
        split = ", ".join(f"{100 * weight // total} % → slot {slot}" for slot, weight in self.shares)
        return f"send {split} on {self.route}"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "all weight to the slot the move came from"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRoute:
    """Create a production rule, straight to a healthy slot."""

    calls: ClassVar[tuple[str, ...]] = ("elbv2:CreateRule",)
    index: int
    route: str
    slot: Slot
    tag: MoveTag | None

    def sentence(self) -> str:
        """Say what will be done."""
        return f"create production rule {self.route} → slot {self.slot}"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "delete the rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRoute:
    """Delete a production rule that this deployment created; what served the host before serves it again."""

    calls: ClassVar[tuple[str, ...]] = ("elbv2:DeleteRule",)
    index: int
    route: str

    def sentence(self) -> str:
        """Say what will be done."""
        return f"delete production rule {self.route}, which this deployment created"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "`teal deploy --again` creates it anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Hold a split until an instant; the routes are read back meanwhile."""

    calls: ClassVar[tuple[str, ...]] = ("elbv2:DescribeRules", "elbv2:DescribeTargetHealth")
    slot: Slot
    percent: int
    lasts_s: float
    until_s: float | None  # None: counted from the weight that is still to be written
    baking: bool = False
    cooling: bool = False  # the other slot had weight a moment ago and is not touched yet

    def sentence(self) -> str:
        """Say what will be done."""
        if self.cooling:
            return f"wait until slot {self.slot.other} has been without traffic for {self.lasts_s:g} s"
        verb = "bake" if self.baking else "hold"
        return f"{verb} {self.percent} % on slot {self.slot} for {self.lasts_s:g} s"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "nothing was changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeProduction:
    """Ask the production routes themselves who answers: every address, fresh connections, five in a row each."""

    calls: ClassVar[tuple[str, ...]] = ()
    slot: Slot
    revision: int

    def sentence(self) -> str:
        """Say what will be done."""
        return f"see revision {self.revision or 'new'} answer on every address of the load balancer"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "nothing was changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagVerdict:
    """Mark a task definition revision as one that was taken back."""

    calls: ClassVar[tuple[str, ...]] = ("ecs:TagResource",)
    family: str
    revision: int
    value: str

    def sentence(self) -> str:
        """Say what will be done."""
        return f"mark {self.family}:{self.revision} as taken back"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "`teal deploy --again` deploys it all the same"


Act = (
    CreateGroup | CreateTaste | TagMove | Register | CreateService | TagDeployment | UpdateService
    | WriteRoute | CreateRoute | DeleteRoute | TagVerdict | TagOrder | RetireSlot
)  # fmt: skip
Wait = AwaitWhole | Hold | AwaitStill | AwaitDrained
Question = ProveIdentity | PassGate | ProbeProduction
Step = Act | Wait | Question

STEP_SCHEMA = 1


def step_json(step: Step) -> dict[str, Any]:
    """Return the JSON form of a step: its kind, sentence, calls, undo and fields."""
    return {
        "kind": type(step).__name__,
        "sentence": step.sentence(),
        "calls": list(step.calls),
        "undo": step.undo(),
        "target": _target(step),
    }


def _target(step: Step) -> dict[str, Any]:
    """Return the fields of a step; of a gate's headers and command only the names, the rest may be credentials."""
    fields: dict[str, Any] = msgspec.to_builtins(step, enc_hook=dict)
    if isinstance(step, PassGate) and isinstance(step.gate, RunGate):
        fields["gate"]["command"] = str(step.gate)
    if isinstance(step, PassGate) and isinstance(step.gate, HttpGate):
        fields["gate"]["headers"] = sorted(step.gate.headers)
    return fields
