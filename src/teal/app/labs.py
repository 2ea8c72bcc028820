"""The labs of this machine, as commands call them: where their state is, and plain values in and out."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from teal.errors import LabError, UsageError
from teal.lab import control
from teal.lab.settings import DEFAULT_PORT

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


def _view(found: control.LabStatus) -> dict[str, Any]:
    return {
        "name": found.name,
        "api": found.url,
        "region": found.region,
        "time_scale": found.time_scale,
        "pid": found.pid,
        "started_at": datetime.fromtimestamp(found.started_at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "tasks": found.tasks,
        "listeners": [f"http://{each}/" for each in found.listeners],
        "groups": list(found.groups),
        "troubles": dict(found.troubles),
        "log": str(found.log),
    }
