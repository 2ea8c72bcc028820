"""The labs of this machine, as commands call them: where their state is, and plain values in and out."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from teal.errors import LabError, UsageError
from teal.lab import control, steering
from teal.lab.settings import DEFAULT_PORT
from teal.lab.snapshot import read_header
from teal.lab.world.wires import WorldEvent
from teal.report.wording import instant

_FOLLOW_S = 0.3
_LONGEST_HEADER = 10_000
_LOAD_GRACE_S = 60.0  # what the load client may take beyond its duration to finish what is in flight


class LocalLabs:
    """The labs below `$XDG_STATE_HOME/teal/labs`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        state = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".local" / "state")
        self.root = Path(state) / "teal" / "labs"

    def up(self, name: str, *, port: int | None, time_scale: float | None, config: Path | None) -> dict[str, Any]:
        """Start a lab and wait until it answers."""
        options = control.LabOptions(
            root=self.root,
            name=name,
            port=DEFAULT_PORT if port is None else port,
            config=config,
            time_scale=time_scale,
        )
        return _view(control.up(options))

    def down(self, name: str) -> bool:
        """End a lab; False where there was none."""
        return control.down(self.root, name)

    def status(self, name: str) -> dict[str, Any] | None:
        """Describe a lab; None where there is none."""
        found = control.status(self.root, name)
        return _view(found) if found else None

    def environment(self, name: str) -> dict[str, str]:
        """Return the variables that lead AWS clients to a lab."""
        return control.environment(self._found(name))

    def unset(self) -> tuple[str, ...]:
        """Return the variables that would lead a client of a lab astray."""
        return control.unset()

    def url(self, name: str, port: int | None) -> str:
        """Return where a listener answers: the first one, or the one on `port`, as AWS or as this machine counts it."""
        found = self._found(name)
        offset = found.low_port_offset
        wanted = {str(port), str((port or 0) + offset)}
        fitting = [each for each in found.listeners if port is None or each.rpartition(":")[2] in wanted]
        if not fitting:
            which = f" on port {port}" if port else ""
            there = f"there are: {', '.join(found.listeners)}" if found.listeners else "`teal demo` makes a whole app"
            raise LabError(f"lab '{name}' has no listener{which}", hint=there)
        return f"http://{fitting[0]}/"

    def break_(self, name: str, fault: Mapping[str, Any], *, seed: int | None, for_s: float | None) -> dict[str, Any]:
        """Let a fault begin in a lab; return it."""
        return _fault_view(steering.place(self.root, name, fault, seed=seed, for_s=for_s))

    def faults(self, name: str) -> list[dict[str, Any]]:
        """Return the faults at work in a lab, oldest first."""
        return [_fault_view(each) for each in steering.faults(self.root, name)]

    def mend(self, name: str, numbers: tuple[int, ...]) -> list[dict[str, Any]]:
        """End faults, all where no number is given; return those that were at work."""
        return [_fault_view(each) for each in steering.mend(self.root, name, numbers)]

    def events(self, name: str, since: int, *, follow: bool) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """Yield what happened, piece by piece, each with the number of events that are missing before it.

        With `follow` it ends with the lab, without it when all is told.
        """
        while True:
            told = steering.events(self.root, name, since)
            yield max(told.first - since, 0), [_event_view(*each) for each in enumerate(told.events, told.first)]
            since = told.next
            if told.events:
                continue
            if not follow or steering.gone(self.root, name):
                return
            Event().wait(_FOLLOW_S)

    def event_at(self, name: str, ago_s: float) -> int:
        """Return the number of the first event of the last `ago_s` seconds, or that of the next event."""
        since_s, since = steering.now_s(self.root, name) - ago_s, 0
        while True:
            told = steering.events(self.root, name, since)
            young = [number for number, event in enumerate(told.events, told.first) if event.at_s >= since_s]
            if young or not told.events:
                return min([*young, told.next])
            since = told.next

    def snapshot(self, name: str, file: Path) -> int:
        """Write a lab's region into a file that only its owner reads, whole or not at all; return its size in bytes.

        Raises:
            UsageError: the file exists and is no snapshot, or cannot be written.
            LabError: there is no such lab, or it does not answer.
        """
        contents = steering.snapshot(self.root, name)
        draft = file.with_name(f".{file.name}.new")
        try:
            if file.exists():
                _must_be_snapshot(file)
            draft.unlink(missing_ok=True)
            draft.touch(mode=0o600)  # task definitions and login actions may hold secrets
            draft.write_bytes(contents)
            draft.replace(file)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise UsageError(f"{file} cannot be written: {error.strerror}") from error
        return len(contents)

    def restore(self, name: str, file: Path) -> str:
        """Make a lab what a file says; return when it was written.

        Raises:
            UsageError: the file cannot be read, or what is wrong with it; the lab is as it was.
            LabError: there is no such lab, or it does not answer.
        """
        try:
            contents = file.read_bytes()
        except OSError as error:
            raise UsageError(f"{file} cannot be read: {error.strerror}") from error
        try:
            return instant(steering.restore(self.root, name, contents)["taken_at_s"])
        except UsageError as error:
            raise UsageError(f"{file}: {error}", hint=error.hint) from error

    def load(self, url: str, *, rate_per_s: float, duration_s: float, headers: tuple[str, ...]) -> int:
        """Send steady requests to a lab; the figures go to stdout as JSON lines. Exit 1: some were not answered."""
        command = [sys.executable, "-m", "teal.lab.load", url, "--rate", f"{rate_per_s:g}"]
        command += ["--duration", f"{duration_s:g}", *(part for each in headers for part in ("--header", each))]
        if not url.startswith("http://"):
            raise UsageError(f"{url!r} is no http:// URL of a lab", hint="`teal lab url` prints one")
        with subprocess.Popen(command) as client:  # noqa: S603 - a module of teal, in this interpreter
            try:
                return client.wait(duration_s + _LOAD_GRACE_S)
            except KeyboardInterrupt:  # the client has it too, and finishes what is in flight
                return client.wait(_LOAD_GRACE_S)
            finally:
                client.kill()

    def _found(self, name: str) -> control.LabStatus:
        found = control.status(self.root, name)
        if found is None:
            raise LabError(f"there is no lab '{name}'", hint="`teal lab up` starts one")
        return found


def _must_be_snapshot(file: Path) -> None:
    with file.open("rb") as found:
        try:
            read_header(found.readline(_LONGEST_HEADER))
        except UsageError as error:
            raise UsageError(f"{file} exists and is no snapshot: it is not overwritten") from error


def _fault_view(fault: Mapping[str, Any]) -> dict[str, Any]:
    """Return a fault with instants that people can read."""
    view = {key: value for key, value in fault.items() if key not in {"began_at_s", "ends_at_s"}}
    ends = fault["ends_at_s"]
    return view | {"began_at": instant(fault["began_at_s"]), "ends_at": None if ends is None else instant(ends)}


def _event_view(number: int, event: WorldEvent) -> dict[str, Any]:
    at = datetime.fromtimestamp(event.at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"number": number, "at": at, "source": event.source, "subject": event.subject, "message": event.message}


def _view(found: control.LabStatus) -> dict[str, Any]:
    return {
        "name": found.name,
        "api": found.url,
        "region": found.region,
        "network": found.network,
        "time_scale": found.time_scale,
        "pid": found.pid,
        "started_at": instant(found.started_at_s),
        "tasks": found.tasks,
        "faults": found.faults,
        "listeners": [f"http://{each}/" for each in found.listeners],
        "groups": list(found.groups),
        "troubles": dict(found.troubles),
        "log": str(found.log),
    }
