"""YAML text to a tree, from the parser's events: every node with its position, every mistake at once.

YAML 1.1 reads `yes`, `on`, `12:30`, `0123` and `2026-01-02` as booleans, numbers and dates, YAML 1.2 as texts, and
readers differ. Here such a scalar is *odd*: wherever it would matter it is a mistake, with quotes as the remedy.
Events are built into the tree by hand because the composer of the C loader recurses without a bound, and because
anchors can make a small text enormous: depth and number of nodes are bounded here.
"""

import re
from collections.abc import Iterator

import yaml

from teal.config.tree import Kind, Lines, Listing, Mistake, Mistakes, Node, Scalar, Table, Where, step

_MAX_DEPTH = 32
_MAX_NODES = 20_000
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LOADER: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# How a plain scalar reads, first match wins. The notes say why an odd one is odd.
_READINGS: tuple[tuple[Kind, re.Pattern[str], str], ...] = (
    (Kind.NULL, re.compile(r"~|null|Null|NULL|"), ""),
    (Kind.BOOLEAN, re.compile(r"true|false"), ""),
    (Kind.ODD, re.compile(r"(?i:true|false|yes|no|on|off)"), "some readers of YAML take it for a boolean"),
    (Kind.INTEGER, re.compile(r"-?(?:0|[1-9]\d{0,17})"), ""),
    (Kind.ODD, re.compile(r"[-+]?0[0-9_]+"), "with its leading zero, some readers of YAML take it for an octal number"),
    (
        Kind.ODD,
        re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"),
        "YAML 1.1 takes it for a number in base 60",
    ),
    (Kind.ODD, re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:[Tt \t].*)?"), "some readers of YAML take it for a date"),
    (Kind.FLOAT, re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,18})?(?:[eE][-+]?\d{1,3})?"), ""),
    (Kind.ODD, re.compile(r"[-+]?(?:0[xob][0-9a-fA-F_]+|[0-9][0-9_]*)"), "readers of YAML differ about such a number"),
    (
        Kind.ODD,
        re.compile(r"[-+]?(?:\.\d[0-9_]*|\d[0-9_]*\.[0-9_]*)(?:[eE][-+]?\d+)?"),
        "readers of YAML differ about such a number",
    ),
    (Kind.ODD, re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"), "some readers of YAML take it for a number"),
)


class _StopError(Exception):
    """Nothing more can be read."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


def parse_yaml(text: str, file: str, mistakes: Mistakes) -> Node | None:
    """Return the tree of one YAML document, or None when it cannot be read; what is wrong goes to `mistakes`."""
    bad = _UNPRINTABLE.search(text)
    if bad:
        where = Lines(text, file).at(bad.start())
        mistakes.append(Mistake(where=where, path="", text=f"found the control character {bad[0]!a}; remove it"))
        return None
    try:
        return _Builder(text, file, mistakes).document()
    except _StopError as stop:
        mistakes.append(stop.mistake)
    except yaml.MarkedYAMLError as error:
        mistakes.append(_syntax_mistake(error, text, file))
    return None


def read_plain(text: str) -> tuple[Kind, str]:
    """Return how an unquoted scalar reads, and why it is odd if it is."""
    for kind, pattern, note in _READINGS:
        if pattern.fullmatch(text):
            return kind, note
    return Kind.TEXT, ""


def _syntax_mistake(error: yaml.MarkedYAMLError, text: str, file: str) -> Mistake:
    mark = error.problem_mark
    where = Where(file=file, line=mark.line + 1, column=mark.column + 1) if mark else Where(file=file, line=1, column=1)
    context = f"{error.context}, " if error.context else ""
    lines = text.splitlines()
    near = lines[mark.line] if mark and mark.line < len(lines) else ""
    hint = "; inside [ ] and { } put ${…} in quotes" if "${" in near else ""
    return Mistake(where=where, path="", text=f"not YAML: {context}{error.problem}{hint}")


class _Builder:
    """Builds the tree of one document from the parser's events."""

    def __init__(self, text: str, file: str, mistakes: Mistakes) -> None:
        self._events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=_LOADER))
        self._file = file
        self._mistakes = mistakes
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._nodes = 0

    def document(self) -> Node | None:
        """Return the tree; None for an empty text."""
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            self._mistakes.append(
                Mistake(where=Where(file=self._file, line=1, column=1), path="", text="the file is empty")
            )
            return None
        node = self._node(next(self._events), "", 0)
        next(self._events)  # the end of the document
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._stop(after, "a second document starts here; the file must be one document")
        return node

    def _node(self, event: yaml.Event, path: str, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        before = self._nodes
        self._count(event, 1)
        if depth > _MAX_DEPTH:
            self._stop(event, f"nested more than {_MAX_DEPTH} levels deep")
        if getattr(event, "tag", None) is not None:
            self._wrong(event, path, "tags such as !Ref or !!str are not supported; use quotes for a text")
        if isinstance(event, yaml.ScalarEvent):
            node: Node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._listing(event, path, depth)
        else:
            node = self._table(event, path, depth)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = (node, self._nodes - before)
        return node

    def _alias(self, event: yaml.AliasEvent, path: str) -> Node:
        known = self._anchors.get(str(event.anchor))
        if known is None:
            self._wrong(event, path, f"there is no anchor &{event.anchor} before this alias")
            return Scalar(where=self._where(event), kind=Kind.NULL, text="")
        node, size = known
        self._count(event, size)
        return node

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        kind, note = read_plain(event.value) if not event.style else (Kind.TEXT, "")
        return Scalar(where=self._where(event), kind=kind, text=event.value, note=note)

    def _listing(self, event: yaml.Event, path: str, depth: int) -> Listing:
        items: list[Node] = []
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(item, step(path, len(items)), depth + 1))
        return Listing(where=self._where(event), items=tuple(items))

    def _table(self, event: yaml.Event, path: str, depth: int) -> Table:
        entries: dict[str, Node] = {}
        keys: dict[str, Scalar] = {}
        while not isinstance(item := next(self._events), yaml.MappingEndEvent):
            key = self._node(item, path, depth + 1)
            name = key.text if isinstance(key, Scalar) else ""
            below = step(path, name)
            value = self._node(next(self._events), below, depth + 1)
            if not isinstance(key, Scalar):
                self._wrong(item, path, "a key must be a text")
            elif name in keys:
                self._wrong(item, below, f"this key was already written at {keys[name].where}")
            else:
                entries[name], keys[name] = value, key
        return Table(where=self._where(event), entries=entries, keys=keys)

    def _count(self, event: yaml.Event, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > _MAX_NODES:
            self._stop(event, f"more than {_MAX_NODES} values, aliases counted in full")

    def _where(self, event: yaml.Event) -> Where:
        mark = event.start_mark
        return Where(file=self._file, line=mark.line + 1, column=mark.column + 1) if mark else Where(file=self._file)

    def _wrong(self, event: yaml.Event, path: str, text: str) -> None:
        self._mistakes.append(Mistake(where=self._where(event), path=path, text=text, spoils=True))

    def _stop(self, event: yaml.Event, text: str) -> None:
        raise _StopError(Mistake(where=self._where(event), path="", text=text))
