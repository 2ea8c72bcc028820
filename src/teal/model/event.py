"""What happened, in the past tense: the only story. Terminal, JSON and journal read the same events.

The journal and `-o jsonl` have one schema. Its version rises when a reader of an earlier one would misread a line;
fields may be added at any time. Version 1 left out `run` on standard output.
"""

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from teal.model.change import Change
from teal.model.step import Step, step_json

EVENT_SCHEMA = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A command began."""

    at_s: float
    command: str
    app: str
    account: str
    region: str
    caller: str
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What the run is about to do, as decided from its first look."""

    at_s: float
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBegan:
    """The intention, written before the act."""

    at_s: float
    step: Step
    number: int
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnded:
    """The outcome of a step. `detail` says what came of it, e.g. the revision that was registered."""

    at_s: float
    step: Step
    took_s: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed:
    """A step that did not succeed, and what follows: `retry`, `back`, `hold` or `stop`."""

    at_s: float
    step: Step
    reason: str
    follows: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """Still waiting; `progress` is what is there and what is missing."""

    at_s: float
    step: Step
    progress: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosed:
    """Why green did not come up: the facts, most telling first."""

    at_s: float
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedBack:
    """The verdict to go back was latched."""

    at_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """Somebody else changed what this run had read. `adopted`: the run goes on with it, by `--adopt`."""

    at_s: float
    changes: tuple[Change, ...]
    adopted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something worth knowing that changes nothing."""

    at_s: float
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """How it ended, and what serves production now."""

    at_s: float
    exit_code: int
    message: str
    serving: str
    seen: str  # the rung of the effect ladder, "" where no traffic moved
    hint: str
    took_s: float


Event = (
    RunStarted | Planned | StepBegan | StepEnded | StepFailed | Waited | Diagnosed | TurnedBack | Drifted | Noted
    | RunEnded
)  # fmt: skip


def event_json(event: Event, run_id: str) -> dict[str, Any]:
    """Return the JSON form of an event: schema version, the run it belongs to, kind and fields."""
    fields: dict[str, Any] = {
        name: step_json(value) if name == "step" else msgspec.to_builtins(value)
        for name, value in ((name, getattr(event, name)) for name in event.__dataclass_fields__)
    }
    return {"schema": EVENT_SCHEMA, "run": run_id, "event": type(event).__name__, **fields}


def event_line(event: Event, run_id: str) -> str:
    """Return an event as a line of a journal: plain text on one line, with its end."""
    return json.dumps(event_json(event, run_id), separators=(",", ":")) + "\n"
