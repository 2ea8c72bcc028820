"""The parts of a run's world that are not the region's: commands and the journal."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from teal.model.event import Event
from teal.ports import CommandResult


@dataclass(slots=True)
class Shell:
    """Commands that end as told."""

    exit_codes: list[int] = field(default_factory=list[int])
    seen: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])

    def run(self, command: str, environment: Mapping[str, str], timeout_s: float) -> CommandResult:
        """End with the next exit code; 0 when none is left."""
        self.seen.append(environment)
        code = self.exit_codes.pop(0) if self.exit_codes else 0
        return CommandResult(exit_code=code, output=f"{command} said {code} within {timeout_s} s")


@dataclass(slots=True)
class Story:
    """A journal in memory."""

    events: list[Event] = field(default_factory=list[Event])

    def append(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)
