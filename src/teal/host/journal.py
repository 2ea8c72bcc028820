"""The story of one app in a file: one JSON object a line, appended and on the disk before the next act.

The journal is a story, not the state: that is in AWS. A process that is killed in the middle of a line leaves half a
line behind. The next append begins a new one, and readers pass over what is no JSON. Lines of every schema version are
read: what a reader does not find in a line it leaves out.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, cast

from teal.model.event import Event, RunStarted, event_line

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_TAIL_BYTES = 8 * 1024 * 1024

Line = Mapping[str, Any]


def journal_path(state_dir: Path, account: str, region: str, app: str) -> Path:
    """Return where the journal of an app is kept."""
    name = "-".join(_UNSAFE.sub("_", part) for part in (account, region, app))
    return state_dir / "journal" / f"{name}.jsonl"


class FileJournal:
    """Appends to a journal. Each line names the run that it belongs to, since runs of an app may overlap.

    Args:
        path: the file; directories above it are made.
        shared: whether it is for others as well, as far as the umask lets them; else for its owner alone.
    """

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        self._path = path
        self._modes = (0o777, 0o666) if shared else (0o700, 0o600)
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
            directory_mode, file_mode = self._modes
            self._path.parent.mkdir(mode=directory_mode, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, file_mode)
            with os.fdopen(descriptor, "ab") as file:
                # One write for the whole line, so that lines of two processes do not mix.
                file.write(_mending(descriptor) + event_line(event, self._run_id).encode())
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
            return parsed(file.read(_TAIL_BYTES))
    except FileNotFoundError:
        return ()


def parsed(lines: bytes) -> tuple[Line, ...]:
    """Return the events of a journal's text, which may be cut anywhere."""
    return tuple(line for line in map(_parsed, lines.splitlines()) if line is not None)


def last_runs(tellings: Iterable[Iterable[Line]], count: int) -> tuple[tuple[Line, ...], ...]:
    """Return the events of the last `count` runs, run by run, the run that began last at the end.

    Args:
        tellings: journals that may tell of the same runs; of each run the longest telling counts.
        count: how many.
    """
    longest: dict[str, list[Line]] = {}
    for telling in tellings:
        runs: dict[str, list[Line]] = {}
        for line in telling:
            runs.setdefault(str(line.get("run", "")), []).append(line)
        for run, lines in runs.items():
            if len(lines) > len(longest.get(run, ())):
                longest[run] = lines
    ordered = sorted(longest.values(), key=_began_s)
    return tuple(tuple(lines) for lines in ordered[-count:]) if count > 0 else ()


def _began_s(run: list[Line]) -> float:
    at_s: object = run[0].get("at_s")
    return float(at_s) if isinstance(at_s, int | float) else 0.0


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
