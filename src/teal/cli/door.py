"""What a command has of the outside: the use cases behind it and the person before it.

Everything behind the door is loaded when it is opened, not when it is named, so that a command can speak first.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from teal.cli.flags import Flags

if TYPE_CHECKING:
    from teal.model.decision import Decision
    from teal.model.event import Event
    from teal.model.identity import Slot
    from teal.model.run import Intent
    from teal.model.snapshot import Snapshot
    from teal.model.spec import Spec
    from teal.plan.check import Check
    from teal.report.views import Access


class UseCases(Protocol):
    """The use cases of one app, as commands call them."""

    @property
    def spec(self) -> "Spec":
        """What the configuration says."""
        ...

    @property
    def calls(self) -> Mapping[str, int]:
        """How many calls of each AWS operation were made so far."""
        ...

    def check(self) -> "tuple[Check, ...]":
        """Answer the preflight."""
        ...

    def plan(self, intent: "Intent") -> "tuple[Decision, Snapshot]":
        """Decide, and do nothing."""
        ...

    def run(
        self, intent: "Intent", *, command: str, approve: "Callable[[Decision, Snapshot], bool]"
    ) -> "Iterator[Event]":
        """Do it; the last event is RunEnded."""
        ...

    def status(self) -> dict[str, Any]:
        """Say where things stand."""
        ...

    def unlock(self) -> str:
        """Break the lock; return whose it was, empty where it was free."""
        ...

    def history(self, runs: int) -> tuple[list[dict[str, Any]], str]:
        """Return the journal lines of the last runs, and why those of other machines are missing."""
        ...

    def tastes(self) -> "Mapping[Slot, Access]":
        """Say how each slot is tasted."""
        ...


class Labs(Protocol):
    """The labs on this machine, by name."""

    def up(self, name: str, *, port: int | None, time_scale: float | None, config: Path | None) -> dict[str, Any]:
        """Start a lab, or return the one that runs."""
        ...

    def down(self, name: str) -> bool:
        """End a lab; False where there was none."""
        ...

    def status(self, name: str) -> dict[str, Any] | None:
        """Describe a lab; None where there is none."""
        ...

    def environment(self, name: str) -> dict[str, str]:
        """Return the variables that lead AWS clients to a lab."""
        ...

    def unset(self) -> tuple[str, ...]:
        """Return the variables that would lead a client of a lab astray."""
        ...

    def url(self, name: str, port: int | None) -> str:
        """Return where a listener of the lab answers."""
        ...

    def break_(self, name: str, fault: Mapping[str, Any], *, seed: int | None, for_s: float | None) -> dict[str, Any]:
        """Let a fault begin in a lab."""
        ...

    def faults(self, name: str) -> list[dict[str, Any]]:
        """Return the faults at work in a lab."""
        ...

    def mend(self, name: str, numbers: tuple[int, ...]) -> list[dict[str, Any]]:
        """End faults, all where no number is given; return those that were at work."""
        ...

    def events(self, name: str, since: int, *, follow: bool) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """Yield what happened, piece by piece, each with the number of events that are missing before it."""
        ...

    def event_at(self, name: str, ago_s: float) -> int:
        """Return the number of the first event of the last `ago_s` seconds."""
        ...

    def snapshot(self, name: str, file: Path) -> int:
        """Write a lab's region into a file; return its size in bytes."""
        ...

    def restore(self, name: str, file: Path) -> str:
        """Make a lab what a file says; return when it was written."""
        ...

    def load(self, url: str, *, rate_per_s: float, duration_s: float, headers: tuple[str, ...]) -> int:
        """Send steady requests, report on stdout, return the exit code."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The outside of one process; tests bring their own."""

    environ: Mapping[str, str]
    open_app: Callable[[Flags, Mapping[str, str]], UseCases]
    open_labs: Callable[[Mapping[str, str]], Labs]
    demo: Callable[[Callable[[str], None], Mapping[str, str], bool], int]
    confirm: Callable[[str], bool]
    asks: bool  # somebody is there to answer
    terminal_out: bool
    terminal_err: bool

    @property
    def plain(self) -> bool:
        """Whether the environment asks for no colour."""
        return bool(self.environ.get("NO_COLOR")) or self.environ.get("TERM") == "dumb"


def door_of_process() -> Door:
    """Return the door of this process."""
    environ = dict(os.environ)  # noqa: TID251 - the command line reads the environment, once, and passes it on
    in_ci = environ.get("CI", "").lower() not in {"", "0", "false"}
    return Door(
        environ=environ,
        open_app=_open_app,
        open_labs=_open_labs,
        demo=_demo,
        confirm=lambda question: click.confirm(question, err=True),
        asks=sys.stdin is not None and sys.stdin.isatty() and not in_ci,
        terminal_out=sys.stdout.isatty(),
        terminal_err=sys.stderr.isatty(),
    )


def _open_app(flags: Flags, environ: Mapping[str, str]) -> UseCases:
    from teal.app.facade import Options, open_app  # noqa: PLC0415 - loads the AWS SDK; the first line is out by now

    options = Options(
        config=flags.config,
        images=flags.images,
        sets=flags.sets,
        profile=flags.profile,
        region=flags.region,
        endpoint_url=flags.endpoint_url,
        timeout_s=flags.timeout_s,
        lock_wait_s=flags.lock_wait_s,
    )
    return open_app(options, environ)


def _open_labs(environ: Mapping[str, str]) -> Labs:
    from teal.app.labs import LocalLabs  # noqa: PLC0415 - as above

    return LocalLabs(environ)


def _demo(say: Callable[[str], None], environ: Mapping[str, str], keep: bool) -> int:  # noqa: FBT001 - one flag
    from teal.app.demo import run  # noqa: PLC0415 - as above

    return run(say, environ, keep=keep)
