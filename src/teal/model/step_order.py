"""The step that numbers a revision which is used again. It is part of the union in `teal.model.step`."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class TagOrder:
    """Write the number of this deployment on a revision that was registered for an earlier one."""

    calls: ClassVar[tuple[str, ...]] = ("ecs:TagResource",)
    family: str
    revision: int
    seq: int

    def sentence(self) -> str:
        """Say what will be done."""
        return f"record that {self.family}:{self.revision} is what number {self.seq} asked for"

    def undo(self) -> str:
        """Say the absolute target of the way back."""
        return "none needed: the number says only which deployment is older"
