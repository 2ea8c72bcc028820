"""Instants, durations and columns as a person reads them. Width counts terminal columns, not characters."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86400
WIDTH = 80
_PAINT = re.compile(r"\x1b\[[0-9;]*m")


def instant(at_s: float) -> str:
    """Return `2026-11-22T14:12:03Z`."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clock(at_s: float) -> str:
    """Return `14:12:03`, UTC."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%H:%M:%S")


def duration(seconds: float) -> str:
    """Return the two most telling units: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    whole = max(0, round(seconds))
    if seconds < 10:  # noqa: PLR2004 - below ten seconds, tenths tell
        return f"{max(0.0, seconds):.1f} s"
    if whole < MINUTE_S:
        return f"{whole} s"
    for large, small, name, minor in ((DAY_S, HOUR_S, "d", "h"), (HOUR_S, MINUTE_S, "h", "min")):
        if whole >= large:
            return _two(whole // large, name, whole % large // small, minor)
    return _two(whole // MINUTE_S, "min", whole % MINUTE_S, "s")


def ago(seconds: float) -> str:
    """Return `just now`, `3 min ago`, `4 h ago`: the largest unit alone."""
    for unit_s, name in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min")):
        if seconds >= unit_s:
            return f"{int(seconds // unit_s)} {name} ago"
    return f"{int(seconds)} s ago" if seconds >= 1 else "just now"


def _two(major: int, name: str, minor: int, minor_name: str) -> str:
    return f"{major} {name} {minor} {minor_name}" if minor else f"{major} {name}"


def width(text: str) -> int:
    """Return how many terminal columns `text` takes; paint takes none."""
    return sum(_columns(character) for character in _PAINT.sub("", text))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def clip(text: str, columns: int) -> str:
    """Return `text`, cut with `…` where it is wider than `columns`."""
    if width(text) <= columns:
        return text
    kept = ""
    for character in text:
        if width(kept) + _columns(character) > columns - 1:
            break
        kept += character
    return f"{kept}…"


def pad(text: str, columns: int) -> str:
    """Return `text` clipped or filled to exactly `columns`."""
    clipped = clip(text, columns)
    return clipped + " " * (columns - width(clipped))


def table(rows: Sequence[Sequence[str]], limits: Sequence[int]) -> list[str]:
    """Return rows as aligned lines; a column is as wide as its widest cell, at most its limit."""
    columns = [min(limit, max(width(row[i]) for row in rows)) for i, limit in enumerate(limits)]
    return ["  ".join(pad(cell, size) for cell, size in zip(row, columns, strict=True)).rstrip() for row in rows]


def wrapped(label: str, text: str, *, columns: int = WIDTH, indent: int = 10) -> list[str]:
    """Return `label` in a column of `indent`, and `text` beside it, wrapped at words to `columns`."""
    lines: list[str] = []
    for line in _filled(text.split(), columns - indent):
        lines.append(pad(label if not lines else "", indent) + line)
    return lines or [label]


def _filled(words: Iterable[str], columns: int) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and width(lines[-1]) + 1 + width(word) <= columns:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def plural(count: int, noun: str) -> str:
    """Return `1 step`, `2 steps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
