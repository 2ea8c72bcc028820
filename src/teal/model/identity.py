"""Who and where: slots, deployment ids, the caller."""

from dataclasses import dataclass
from enum import StrEnum


class Slot(StrEnum):
    """A physical place: one ECS service and its target groups. Never swapped; blue and green are roles in a move."""

    A = "a"
    B = "b"

    @property
    def other(self) -> "Slot":
        """The other slot."""
        return Slot.B if self is Slot.A else Slot.A


@dataclass(frozen=True, slots=True, kw_only=True)
class LabFacts:
    """What the lab says of itself. Absent on AWS."""

    time_scale: float  # multiplies every delay of AWS, and every hold of teal
    low_port_offset: int  # listeners on ports below 1024 are really opened this much higher


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whose credentials are in use, and where."""

    account: str
    arn: str
    region: str
    lab: LabFacts | None = None
    skew_s: float = 0.0  # by how much AWS's clock is ahead of ours, at least

    @property
    def time_scale(self) -> float:
        """The factor on holds: 1 on AWS, the lab's own in the lab."""
        return self.lab.time_scale if self.lab else 1.0
