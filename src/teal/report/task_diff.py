"""What a new task definition changes, for eyes that must not see secrets.

A body is flattened to `path → text`: containers, environment and secrets by name, so that order is no change; what AWS
fills in by itself is left out. A value is shown only when nothing about it looks secret: not its name, not the value
before, not the value after. References to secrets (`secrets`, `secretOptions`) are never shown.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from teal.plan.difference import ANSWER_ONLY, DEFAULTS

MASK = "•••"
_SECRET_LISTS = frozenset({"secrets", "secretOptions"})
_NAMED_VALUES = ({"value"}, {"valueFrom"})
_LEADING = ("", "containerDefinitions")
_SECRET_NAME = re.compile(
    r"pass(?:wor[dt]|wd|phrase|code|$)|secret|token|credential|private|auth|cookie|salt|dsn|webhook|signature|certificate"
    r"|api[_.-]?key|access[_.-]?key|connection[_.-]?string"
    r"|(?:^|[_.-])(?:keys?|pwd|pass|pw|pin|pat|jwt|sas|cert)(?:$|[_.-])",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"://[^/\s:@]*:[^/\s@]+@"  # credentials in a URL
    r"|-----BEGIN"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{12}"
    r"|\beyJ[\w-]{10,}\."  # a signed token
    r"|\b(?:gh[opsu]_|github_pat_|glpat-|xox[abp]-|sk_live_|sk-)\w"
    r"|(?:pass(?:word|wd)?|secret|token|api[_-]?key|access[_-]?key)['\"]?\s*[=:\s]\s*\S"
    r"|\b(?:bearer|basic)\s+\S{8}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference; None where there is nothing on that side."""

    path: str
    before: str | None
    after: str | None


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return what differs between two task definition bodies, secrets masked, in order of path."""
    old, new = dict(_leaves("", (), before)), dict(_leaves("", (), after))
    paths = sorted(path for path in {*old, *new} if old.get(path) != new.get(path))
    return tuple(_change(path, old.get(path), new.get(path)) for path in paths)


def _change(path: tuple[str, ...], old: str | None, new: str | None) -> Change:
    hidden = _is_secret(path, old) or _is_secret(path, new)
    shown = [text if text is None else MASK if hidden else _printable(text) for text in (old, new)]
    named = " ".join(_printable(part) for part in path if part not in _LEADING)  # names come from AWS too
    return Change(path=named, before=shown[0], after=shown[1])


def _is_secret(path: tuple[str, ...], text: str | None) -> bool:
    if any(part in _SECRET_LISTS for part in path) or _SECRET_NAME.search(path[-1]):
        return True
    return text is not None and _SECRET_VALUE.search(text) is not None


def _printable(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)


_Leaf = tuple[tuple[str, ...], str]


def _leaves(key: str, path: tuple[str, ...], value: Any) -> Iterator[_Leaf]:  # noqa: ANN401 - JSON of any shape
    match value:
        case None | "":
            return
        case Mapping():
            yield from _of_mapping(path, cast("Mapping[str, Any]", value))
        case list() | tuple():
            yield from _of_list(path, cast("Sequence[Any]", value))
        case str():
            yield path, value
        case _ if key in DEFAULTS and str(DEFAULTS[key]) == str(value):
            return
        case _:
            yield path, json.dumps(value, default=str)


def _of_mapping(path: tuple[str, ...], value: Mapping[str, Any]) -> Iterator[_Leaf]:
    for key, item in value.items():
        answer_only = not path and key in ANSWER_ONLY
        repeated = key == "hostPort" and item == value.get("containerPort")  # awsvpc: AWS repeats the container port
        default = key in DEFAULTS and str(DEFAULTS[key]) == str(item)
        if not (answer_only or repeated or default):
            yield from _leaves(key, (*path, key), item)


def _of_list(path: tuple[str, ...], items: Sequence[Any]) -> Iterator[_Leaf]:
    if items and not any(isinstance(item, Mapping) for item in items):
        yield path, json.dumps(list(items), ensure_ascii=False, default=str)
        return
    for index, item in enumerate(cast("Sequence[Mapping[str, Any]]", items)):
        name = str(item.get("name", index))
        rest = {key: part for key, part in item.items() if key != "name"}
        single = next(iter(rest.values())) if set(rest) in _NAMED_VALUES else rest
        yield from _leaves("", (*path, name), single)
