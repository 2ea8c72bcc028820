"""A document as a tree whose every node knows where it was written.

YAML, JSON and flags all become this tree. A scalar keeps its text and how it reads; what it means is decided by the
type that is expected in its place, so that neither `on` nor `12:30` nor `0123` can turn into something by itself.
"""

import bisect
import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SHOWN_LENGTH = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A place: a line and column of a file, both from 1, or a flag as a whole (line 0)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Lines:
    """The lines of a text, to turn offsets into places."""

    def __init__(self, text: str, file: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self._file = file

    def at(self, offset: int) -> Where:
        """Return line and column of the character at `offset`."""
        line = bisect.bisect_right(self._starts, offset)
        return Where(file=self._file, line=line, column=offset - self._starts[line - 1] + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake: where, at which key, what was found and what was expected.

    One that `spoils` leaves a value of which nothing more is worth saying.
    """

    where: Where
    path: str
    text: str
    spoils: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.path}: {self.text}" if self.path else f"{self.where}: {self.text}"


Mistakes = list[Mistake]


def lines_of(mistakes: Mistakes, file: str) -> tuple[str, ...]:
    """Return one line for each mistake: first those of `file`, then of other files, then of flags, top to bottom."""
    spoiled = {(mistake.where, mistake.path) for mistake in mistakes if mistake.spoils}
    kept = [mistake for mistake in mistakes if mistake.spoils or (mistake.where, mistake.path) not in spoiled]

    def order(mistake: Mistake) -> tuple[bool, bool, str, int, int]:
        where = mistake.where
        return (where.file.startswith("--"), where.file != file, where.file, where.line, where.column)

    return tuple(dict.fromkeys(str(mistake) for mistake in sorted(kept, key=order)))


class Kind(Enum):
    """How a scalar reads."""

    TEXT = auto()
    INTEGER = auto()
    FLOAT = auto()
    BOOLEAN = auto()
    NULL = auto()
    ODD = auto()  # readers of YAML disagree about it
    FREE = auto()  # from a flag or a variable: means what is expected in its place


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A text, number, boolean or null. `note` says what is odd about it; `shown` stands for a text that is secret."""

    where: Where
    kind: Kind
    text: str
    note: str = ""
    shown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list."""

    where: Where
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A mapping. `keys` says where each key was written and how it reads."""

    where: Where
    entries: Mapping[str, "Node"]
    keys: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])


Node = Scalar | Listing | Table


def step(path: str, key: str | int) -> str:
    """Return the path one level below `path`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not _PLAIN_KEY.fullmatch(key):
        return f"{path}[{quote(key)}]"
    return f"{path}.{key}" if path else key


def quote(text: str) -> str:
    """Return `text` in quotes, on one line, of bounded length, printable."""
    cut = text if len(text) <= _SHOWN_LENGTH else text[:_SHOWN_LENGTH] + "…"
    return ascii(cut) if not cut.replace("\n", "").isprintable() else repr(cut)


def found(node: Node) -> str:
    """Return how a message names what was found."""
    match node:
        case Listing():
            return "a list" if node.items else "an empty list"
        case Table():
            return "a mapping" if node.entries else "an empty mapping"
        case Scalar(kind=Kind.NULL):
            return "nothing"
        case Scalar(kind=Kind.INTEGER | Kind.FLOAT):
            return f"the number {quote(node.text)[1:-1]}"
        case Scalar(kind=Kind.BOOLEAN | Kind.ODD):
            return quote(node.text)[1:-1]
        case _:
            return f"{quote(node.shown)} with its variables inserted" if node.shown else quote(node.text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest of `known`, or else all of them."""
    names = tuple(known)
    near = difflib.get_close_matches(word[:_SHOWN_LENGTH], names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(names)}" if names else "there are none"


def map_scalars(node: Node, change: Callable[[Scalar, str], Scalar], path: str = "") -> Node:
    """Return `node` with every scalar value changed; keys stay."""
    match node:
        case Scalar():
            return change(node, path)
        case Listing():
            items = tuple(map_scalars(item, change, step(path, i)) for i, item in enumerate(node.items))
            return replace(node, items=items)
        case _:
            entries = {key: map_scalars(value, change, step(path, key)) for key, value in node.entries.items()}
            return replace(node, entries=entries)
