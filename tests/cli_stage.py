"""A command line with everything behind its door made of values."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from traceback import format_exception
from typing import Any

from click.testing import CliRunner, Result

import seen
from teal.app.facade import App
from teal.cli.door import Door
from teal.cli.flags import Flags
from teal.cli.main import teal
from teal.errors import LabError
from teal.model.decision import Decision, Steps
from teal.model.event import Event, Planned, RunEnded, RunStarted
from teal.model.identity import Slot
from teal.model.run import Intent
from teal.model.snapshot import Snapshot
from teal.model.spec import Spec
from teal.model.step import Register
from teal.plan.check import Check
from teal.plan.readiness import readiness
from teal.plan.situation import classify
from teal.report.views import status_view

DECISION = Steps(steps=(Register(family="web"),), ends="slot a serves web:43")
SECRET = "5ecret"  # noqa: S105 - what must not be seen


@dataclass(frozen=True)
class Access:
    """How a slot is tasted."""

    url: str
    header: str | None
    secret: str | None


@dataclass
class FakeApp:
    """The use cases, answered from values; `error` is raised by every one of them."""

    error: BaseException | None = None
    checks: tuple[Check, ...] = (Check(name="cluster", state="ok", message="prod is active"),)
    decision: Decision = DECISION
    found: Snapshot = field(default_factory=seen.at_rest)
    exit_code: int = 0
    locked_by: str = ""
    missing: str = ""  # why the journal does not tell of other machines
    ends: bool = True
    asked: list[Intent] = field(default_factory=list)
    approved: list[bool] = field(default_factory=list)
    calls: Mapping[str, int] = field(default_factory=lambda: {"elbv2:DescribeRules": 3})
    spec: Spec = field(default_factory=seen.spec)

    def _met(self) -> None:
        if self.error is not None:
            raise self.error

    def check(self) -> tuple[Check, ...]:
        """Answer the preflight."""
        self._met()
        return self.checks

    def plan(self, intent: Intent) -> tuple[Decision, Snapshot]:
        """Decide."""
        self._met()
        self.asked.append(intent)
        return self.decision, self.found

    def run(self, intent: Intent, *, command: str, approve: Callable[[Decision, Snapshot], bool]) -> Iterator[Event]:
        """Play a run."""
        self._met()
        self.asked.append(intent)
        at_s = seen.NOW_S
        yield RunStarted(
            at_s=at_s, command=command, app="shop-web", account="123", region="eu-west-1", caller="arn:ci", run_id="r"
        )
        self.approved.append(approve(self.decision, self.found))
        yield Planned(at_s=at_s, sentences=("::error::register",), warnings=())
        if self.ends:
            yield RunEnded(
                at_s=at_s,
                exit_code=self.exit_code,
                message="::set-output name=x::y" if self.approved[-1] else "not approved",
                serving="web:42 in slot b",
                seen="held",
                hint="",
                took_s=1.0,
            )

    def status(self) -> dict[str, Any]:
        """Say where things stand."""
        self._met()
        situation = classify(self.spec, self.found)
        ready = readiness(self.spec, self.found, situation.live) if situation.live else None
        return status_view(self.spec, self.found, situation, ready, seen.NOW_S)

    def unlock(self) -> str:
        """Break the lock."""
        self._met()
        return self.locked_by

    def history(self, runs: int) -> tuple[list[dict[str, Any]], str]:
        """Return journal lines."""
        self._met()
        return [{"event": "RunStarted", "at_s": seen.NOW_S, "command": "deploy", "run_id": str(n), "caller": "arn:x/ci"}
                for n in range(runs)], self.missing  # fmt: skip

    def tastes(self) -> dict[Slot, Access]:
        """Say how each slot is tasted."""
        self._met()
        return {slot: Access("https://shop.example/", "X-Teal-Taste", SECRET) for slot in Slot}


FAULT: dict[str, Any] = {
    "number": 3,
    "kind": "kill-task",
    "service": "shop-*",
    "every_s": 60.0,
    "seed": 9,
    "hits": 2,
    "began_at": "2026-11-22T14:12:03Z",
    "ends_at": None,
}
EVENT = {"at": "2026-11-22T14:12:03.123Z", "source": "task", "subject": "abc", "message": "RUNNING → STOPPED"}


@dataclass
class FakeLabs:
    """One lab, or none."""

    there: bool = True
    loads: list[tuple[str, float, float, tuple[str, ...]]] = field(default_factory=list)
    broken: list[tuple[Mapping[str, Any], int | None, float | None]] = field(default_factory=list)

    def up(self, name: str, *, port: int | None, time_scale: float | None, config: Path | None) -> dict[str, Any]:
        """Start a lab."""
        return {"name": name, "api": f"http://127.0.0.1:{port or 4560}", "time_scale": time_scale, "config": config}

    def down(self, name: str) -> bool:  # noqa: ARG002 - one lab, whatever its name
        """End a lab."""
        return self.there

    def status(self, name: str) -> dict[str, Any] | None:
        """Describe a lab."""
        return (
            {"name": name, "api": "http://127.0.0.1:4560", "listeners": ["http://127.7.255.1:8080/"]}
            if self.there
            else None
        )

    def environment(self, name: str) -> dict[str, str]:
        """Return its variables."""
        if not self.there:
            raise LabError(f"there is no lab '{name}'")
        return {"AWS_ENDPOINT_URL": "http://127.0.0.1:4560", "AWS_ACCESS_KEY_ID": "a b"}

    def unset(self) -> tuple[str, ...]:
        """Return what must not be set."""
        return ("AWS_PROFILE",)

    def url(self, name: str, port: int | None) -> str:  # noqa: ARG002 - likewise
        """Return a listener's URL."""
        return f"http://127.7.255.1:{port or 8080}/"

    def break_(self, name: str, fault: Mapping[str, Any], *, seed: int | None, for_s: float | None) -> dict[str, Any]:
        """Note what shall break."""
        self._must_be_there(name)
        self.broken.append((fault, seed, for_s))
        return FAULT

    def faults(self, name: str) -> list[dict[str, Any]]:
        """Have one fault."""
        self._must_be_there(name)
        return [FAULT]

    def mend(self, name: str, numbers: tuple[int, ...]) -> list[dict[str, Any]]:
        """End fault 3."""
        self._must_be_there(name)
        return [FAULT] if not numbers or 3 in numbers else []

    def events(self, name: str, since: int, *, follow: bool) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """Tell two events from 7 on, and a third to those who wait."""
        self._must_be_there(name)
        yield max(7 - since, 0), [EVENT | {"number": number} for number in (7, 8)]
        if follow:
            yield 0, [EVENT | {"number": 9}]

    def event_at(self, name: str, ago_s: float) -> int:
        """Find an event by its age."""
        self._must_be_there(name)
        return int(ago_s)

    def snapshot(self, name: str, file: Path) -> int:
        """Write nothing."""
        self._must_be_there(name)
        return len(str(file))

    def restore(self, name: str, file: Path) -> str:
        """Read nothing."""
        self._must_be_there(name)
        assert file.name
        return "2026-11-22T14:12:03Z"

    def _must_be_there(self, name: str) -> None:
        if not self.there:
            raise LabError(f"there is no lab '{name}'")

    def load(self, url: str, *, rate_per_s: float, duration_s: float, headers: tuple[str, ...]) -> int:
        """Note what was asked for."""
        self.loads.append((url, rate_per_s, duration_s, headers))
        return 1


@dataclass
class Stage:
    """A command line to play on. `questions` are those that were asked; `answer` is given to each."""

    app: FakeApp = field(default_factory=FakeApp)
    labs: FakeLabs = field(default_factory=FakeLabs)
    environ: dict[str, str] = field(default_factory=dict)
    person: bool = False
    terminal: bool = False
    answer: bool = True
    questions: list[str] = field(default_factory=list)
    flags: list[Flags] = field(default_factory=list)

    def play(self, *words: str) -> Result:
        """Run a command line."""
        door = Door(
            environ=self.environ,
            open_app=self._open,
            open_labs=lambda _: self.labs,
            demo=self._demo,
            confirm=self._confirm,
            asks=self.person,
            terminal_out=self.terminal,
            terminal_err=self.terminal,
        )
        return CliRunner(env=self.environ).invoke(teal, list(words), obj=door, prog_name="teal")

    def document(self, *words: str) -> dict[str, Any]:
        """Run a command line with `-o json` and return the one document on stdout."""
        document: dict[str, Any] = json.loads(self.play(*words, "-o", "json").stdout)
        return document

    def _open(self, flags: Flags, environ: Mapping[str, str]) -> FakeApp:
        assert environ is self.environ
        self.flags.append(flags)
        return self.app

    def _confirm(self, question: str) -> bool:
        self.questions.append(question)
        return self.answer

    def _demo(self, say: Callable[[str], None], environ: Mapping[str, str], keep: bool) -> int:  # noqa: FBT001 - one flag
        assert environ is self.environ
        say("kept" if keep else "0 requests lost")
        return 0


def told(opened: App, words: str, environ: dict[str, str]) -> tuple[int, str]:
    """Run a command line on real use cases; return its exit code and all that it printed, tracebacks included."""
    door = Door(
        environ=environ,
        open_app=lambda _flags, _environ: opened,
        open_labs=_no_lab,
        demo=lambda _say, _environ, _keep: 1,
        confirm=lambda _: True,
        asks=False,
        terminal_out=False,
        terminal_err=False,
    )
    result = CliRunner(env=environ).invoke(teal, words.split(), obj=door, prog_name="teal")
    fell = result.exception is not None and not isinstance(result.exception, SystemExit)
    trace = "".join(format_exception(result.exception)) if fell else ""
    return result.exit_code, result.output + trace


def _no_lab(_: object) -> FakeLabs:
    raise AssertionError("no lab is wanted")
