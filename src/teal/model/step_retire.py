"""The steps of `retire`, the only command that destroys: look twice, scale the idle slot to 0, wait until it is empty.

They are part of the union in `teal.model.step`.
"""

from dataclasses import dataclass
from typing import ClassVar

from teal.model.identity import Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitStill:
    """Look again after a while: what is about to be destroyed must look the same twice."""

    calls: ClassVar[tuple[str, ...]] = ("elbv2:DescribeRules", "ecs:DescribeServices")
    slot: Slot
    lasts_s: float
    until_s: float

    def sentence(self) -> str:
        """Say what will be done."""
        return f"look again after {self.lasts_s:g} s: nothing may have changed"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "nothing was changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireSlot:
    """Scale the service of the idle slot to 0. ECS ends its tasks as in any scale-in: deregister, drain, stop."""

    calls: ClassVar[tuple[str, ...]] = ("ecs:UpdateService",)
    slot: Slot
    service: str
    count: int  # how many tasks it has now

    def sentence(self) -> str:
        """Say what will be done."""
        return f"scale service {self.service} (slot {self.slot}) from {self.count} tasks to 0"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return f"scale service {self.service} to {self.count} tasks"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitDrained:
    """Wait until no task of a retired slot runs and no target is registered."""

    calls: ClassVar[tuple[str, ...]] = ("ecs:DescribeServices", "elbv2:DescribeTargetHealth")
    slot: Slot
    deadline_at_s: float

    def sentence(self) -> str:
        """Say what will be done."""
        return f"wait until slot {self.slot} is empty: its open requests finished, its tasks ended"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "nothing was changed"
