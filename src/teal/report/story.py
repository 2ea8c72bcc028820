"""A run as it happens: events in, lines out.

A line is one event: `14:12:03Z +12 s [step 3] send 10 % → slot b on shop:443 rule 20`. Waiting is told when what is
waited for changes, and once in `REPEAT_S` anyway, so that no CI system takes a patient run for a dead one. The end says
what serves production, how that was seen, how to go back, and how long each stage took.
"""

from dataclasses import dataclass, field
from typing import assert_never

from teal.model.event import (
    Diagnosed,
    Drifted,
    Event,
    Noted,
    Planned,
    RunEnded,
    RunStarted,
    StepBegan,
    StepEnded,
    StepFailed,
    TurnedBack,
    Waited,
)
from teal.model.identity import Slot
from teal.model.step import CreateRoute, TagMove
from teal.report.paint import Paint
from teal.report.wording import clock, duration, instant, plural

REPEAT_S = 45.0
CHANGED_S = 5.0
_FORWARD = frozenset({"deploy", "flip", "promote"})
_FOLLOWS = {"retry": "trying again", "back": "going back", "hold": "holding", "stop": "stopping"}


@dataclass(slots=True)
class Story:
    """Tells the events of one run. `planned` False leaves the plan out, where a person has just approved it."""

    paint: Paint = field(default_factory=Paint)
    planned: bool = True
    full_dates: bool = True  # off a terminal a line stands alone in a log
    _command: str = ""
    _began_s: float | None = None
    _number: int = 0
    _said_s: float = 0.0
    _progress: str = ""
    _origin: Slot | None = None
    _stage: str = ""
    _stage_began_s: float = 0.0
    _stages: dict[str, float] = field(default_factory=dict[str, float])

    def lines(self, event: Event) -> list[str]:
        """Return what there is to say about an event; nothing where it has just been said."""
        self._note(event)
        if isinstance(event, RunEnded):
            return self._ended(event)
        said = self._words(event)
        if said:
            self._said_s = event.at_s
        return [f"{self._stamp(event.at_s)} {line}" for text in said for line in text.splitlines()]

    def _note(self, event: Event) -> None:
        if self._began_s is None:
            self._began_s = event.at_s
        if isinstance(event, StepBegan):
            self._number, self._progress = event.number, ""
            self._enter(event.stage, event.at_s)
            tag = event.step.tag if isinstance(event.step, TagMove | CreateRoute) else None
            self._origin = tag.origin if tag else self._origin

    def _words(self, event: Event) -> list[str]:
        match event:
            case RunStarted():
                return self._started(event)
            case Planned():
                return self._plan(event)
            case Waited():
                return [f"[step {self._number}] waiting: {event.progress}"] if self._worth_saying(event) else []
            case StepBegan() | StepEnded() | StepFailed():
                return [f"[step {self._number}] {self._step(event)}"]
            case Diagnosed() | TurnedBack() | Drifted() | Noted():
                return self._told(event)
            case RunEnded():
                return []
            case _:
                assert_never(event)

    def _told(self, event: Diagnosed | TurnedBack | Drifted | Noted) -> list[str]:
        match event:
            case Diagnosed():
                return [f"why: {fact}" for fact in event.facts]
            case TurnedBack():
                return [self.paint("red", f"GOING BACK: {event.reason}")]
            case Drifted():
                verb = "adopted, changed by somebody else" if event.adopted else "changed by somebody else"
                return [f"{verb}: {change}" for change in event.changes]
            case Noted():
                return [f"note: {event.message}"]

    def _started(self, event: RunStarted) -> list[str]:
        self._command = event.command
        where = f"account {event.account}, {event.region}, as {event.caller}"
        return [self.paint("bold", f"{event.command} {event.app}") + f": {where}, run {event.run_id}"]

    def _plan(self, event: Planned) -> list[str]:
        warnings = [self.paint("yellow", f"warning: {warning}") for warning in event.warnings]
        if not self.planned:
            return warnings
        steps = [f"  {number}. {sentence}" for number, sentence in enumerate(event.sentences, 1)]
        return [*warnings, f"plan: {plural(len(steps), 'step')}", *steps] if steps else warnings

    def _step(self, event: StepBegan | StepEnded | StepFailed) -> str:
        match event:
            case StepBegan():
                return event.step.sentence()
            case StepEnded():
                detail = f": {event.detail}" if event.detail else ""
                return self.paint("green", "ok") + f", {duration(event.took_s)}{detail}"
            case StepFailed():
                follows = _FOLLOWS.get(event.follows, event.follows)
                return self.paint("red", "failed") + f": {event.reason}; {follows}"

    def _worth_saying(self, event: Waited) -> bool:
        quiet_s = event.at_s - self._said_s
        if quiet_s < REPEAT_S and (event.progress == self._progress or quiet_s < CHANGED_S):
            return False
        self._progress = event.progress
        return True

    def _enter(self, stage: str, at_s: float) -> None:
        if self._stage:
            self._stages[self._stage] = self._stages.get(self._stage, 0.0) + at_s - self._stage_began_s
        self._stage, self._stage_began_s = stage, at_s

    def _stamp(self, at_s: float) -> str:
        began_s = at_s if self._began_s is None else self._began_s
        shown = instant(at_s) if self.full_dates else clock(at_s)
        return self.paint("faint", f"{shown} +{duration(at_s - began_s)}")

    def _ended(self, event: RunEnded) -> list[str]:
        self._enter("", event.at_s)
        verdict = self.paint("green" if event.exit_code == 0 else "red", event.message)
        shares = ", ".join(f"{stage} {duration(took_s)}" for stage, took_s in self._stages.items())
        told = (
            ("serving", event.serving),
            ("seen", event.seen),
            ("back", self._way_back(event)),
            ("took", duration(event.took_s) + (f" ({shares})" if shares else "")),
            ("hint", event.hint),
        )
        return [verdict, *(f"{label + ':':<9}{text}" for label, text in told if text)]

    def _way_back(self, event: RunEnded) -> str:
        """Say how to go back now; nothing where this run did not go forward, or where there is nothing behind."""
        forward = self._command in _FORWARD and event.exit_code == 0 and event.seen
        return f"teal rollback (to slot {self._origin})" if forward and self._origin else ""
