"""The story of one app on this computer: one JSON object a line, appended and on the disk before the next act.

The journal is a story, not the state: that is in AWS. A process that is killed in the middle of a line leaves half a
line behind. The next append begins a new one, and readers pass over what is no JSON. Lines of every schema version are
read: what a reader does not find in a line it leaves out.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, cast

from teal.model.event import Event, RunStarted, event_json

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_TAIL_BYTES = 8 * 1024 * 1024

Line = Mapping[str, Any]


def journal_path(state_dir: Path, account: str, region: str, app: str) -> Path:
    """Return where the journal of an app is kept."""
    name = "-".join(_UNSAFE.sub("_", part) for part in (account, region, app))
    return state_dir / "journal" / f"{name}.jsonl"


class FileJournal:
    """Appends to a journal. Each line names the run that it belongs to, since runs of an app may overlap."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._run_id = ""
        self._lock = Lock()

    @property
    def path(self) -> Path:
        """Where the journal is."""
        return self._path

    def append(self, event: Event) -> None:
        """Write an event durably."""
        with self._lock:
            if isinstance(event, RunStarted):
                self._run_id = event.run_id
            line = json.dumps(event_json(event, self._run_id), separators=(",", ":"))
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                # One write for the whole line, so that lines of two processes do not mix.
                file.write(_mending(descriptor) + line.encode() + b"\n")
                file.flush()
                os.fsync(descriptor)


class NoJournal:
    """Keeps nothing: for a machine that has no place for a journal. What is needed to go on is in AWS."""

    def append(self, event: Event) -> None:
        """Let it go."""


def read_lines(path: Path) -> tuple[Line, ...]:
    """Return the events of a journal, oldest first; of a long one the last 8 MiB. Empty where there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read(_TAIL_BYTES).splitlines()
    except FileNotFoundError:
        return ()
    return tuple(line for line in map(_parsed, lines) if line is not None)


def last_runs(path: Path, count: int) -> tuple[tuple[Line, ...], ...]:
    """Return the events of the last `count` runs, run by run, the run that began last at the end."""
    runs: dict[str, list[Line]] = {}
    for line in read_lines(path):
        runs.setdefault(str(line.get("run", "")), []).append(line)
    return tuple(tuple(lines) for lines in list(runs.values())[-count:]) if count > 0 else ()


def _mending(descriptor: int) -> bytes:
    """Return the line end that a killed process still owes, if one does."""
    size = os.fstat(descriptor).st_size
    return b"" if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n" else b"\n"


def _parsed(line: bytes) -> Line | None:
    try:
        value: object = json.loads(line)
    except ValueError:
        return None
    return cast("Line", value) if isinstance(value, dict) and "event" in value else None
