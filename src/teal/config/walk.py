"""A tree to the types of `schema`: each key read by the type it has there, every mistake at its place.

msgspec itself judges each scalar, list and mapping, so that this parser and the JSON Schema cannot differ; the walk
only adds what msgspec does not know: places, odd scalars, hints, and going on after a mistake.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, cast, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, UnsetType
from msgspec.structs import FieldInfo

from teal.config.durations import duration_s
from teal.config.schema import TealFile
from teal.config.tree import Kind, Listing, Mistake, Mistakes, Node, Scalar, Table, Where, did_you_mean, found, step

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_BOOLEANS = {"true": True, "false": False}
HOLE: Final = object()  # stands for a value with a mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What could be read. `file` has `UNSET` for the keys in `broken`; `places` knows where each path was written."""

    file: TealFile
    broken: frozenset[str]
    places: Mapping[str, Where]


@dataclass(slots=True, kw_only=True)
class Shape:
    """A type, taken apart: what a node may be, and how a message names it."""

    annotation: Any
    title: str = ""
    description: str = ""
    example: object = None
    bounds_s: Mapping[str, float] = field(default_factory=dict[str, float])
    struct: type[Struct] | None = None
    item: object = None
    pair: tuple[object, object] | None = None
    scalars: set[type] = field(default_factory=set[type])

    @property
    def expected(self) -> str:
        """How a message says what should be here."""
        return self.title or ("a mapping" if self.struct else "a list" if self.item else "a text")


def walk(node: Node, mistakes: Mistakes) -> Walked:
    """Return what `node` says as a `TealFile`; what is wrong goes to `mistakes`."""
    walker = _Walker(mistakes)
    values = walker.fields(node, TealFile) if isinstance(node, Table) else {}
    if not isinstance(node, Table):
        walker.wrong(node, "", f"found {found(node)}, expected a mapping with the keys {', '.join(_names(TealFile))}")
    types = {info.encode_name: info.type for info in msgspec.structs.fields(TealFile)}
    sound = {name: msgspec.convert(value, types[name]) for name, value in values.items() if value is not HOLE}
    unset: dict[str, Any] = dict.fromkeys(_names(TealFile), msgspec.UNSET)
    written = set(values) | {info.encode_name for info in msgspec.structs.fields(TealFile) if info.required}
    return Walked(file=TealFile(**{**unset, **sound}), broken=frozenset(written - set(sound)), places=walker.places)


def shape_of(annotation: object) -> Shape:
    """Return the parts of a type. Of two titles or examples the outer one counts."""
    shape = Shape(annotation=annotation)
    for part in _parts(annotation):
        if isinstance(part, Meta):
            shape.title = shape.title or part.title or ""
            shape.description = shape.description or part.description or ""
            shape.example = part.examples[0] if shape.example is None and part.examples else shape.example
            shape.bounds_s = shape.bounds_s or part.extra or {}
        else:
            _add_arm(shape, part)
    return shape


def _parts(annotation: object) -> Iterator[object]:
    """Yield the metas of a type, outermost first, and the arms of its union."""
    origin = get_origin(annotation)
    if origin is Annotated:
        base, *metas = get_args(annotation)
        yield from reversed(metas)
        yield from _parts(base)
    elif origin in (Union, UnionType):
        for arm in get_args(annotation):
            yield from _parts(arm)
    else:
        yield annotation


def _add_arm(shape: Shape, arm: object) -> None:
    origin, args = get_origin(arm), get_args(arm)
    if origin is list:
        shape.item = args[0]
    elif origin is dict:
        shape.pair = (args[0], args[1])
    elif origin is Literal:
        shape.scalars.add(str)
    elif isinstance(arm, type) and issubclass(arm, Struct):
        shape.struct = arm
    elif arm is not UnsetType:
        shape.scalars.add(cast("type", arm))


def _names(struct: type[Struct]) -> tuple[str, ...]:
    return tuple(info.encode_name for info in msgspec.structs.fields(struct))


class _Walker:
    """Reads nodes by types; remembers places and mistakes."""

    def __init__(self, mistakes: Mistakes) -> None:
        self._mistakes = mistakes
        self.places: dict[str, Where] = {}

    def wrong(self, node: Node, path: str, text: str) -> None:
        """Note a mistake."""
        self._mistakes.append(Mistake(where=node.where, path=path, text=text))

    def fields(self, table: Table, struct: type[Struct], path: str = "") -> dict[str, Any]:
        """Return the values of the keys of a struct that are there; `HOLE` for those with a mistake."""
        self.places[path] = table.where
        infos = {info.encode_name: info for info in msgspec.structs.fields(struct)}
        values: dict[str, Any] = {}
        for name, node in table.entries.items():
            below = step(path, name)
            if name in infos:
                values[name] = self._read(node, infos[name].type, below)
            else:
                place = table.keys.get(name, node)
                self.wrong(place, below, f"unknown key; {did_you_mean(name, infos)}")
        for name, info in infos.items():
            if info.required and name not in table.entries:
                self.wrong(table, step(path, name), f"missing; expected {_expected(info)}")
        return values

    def _read(self, node: Node, annotation: object, path: str) -> Any:  # noqa: ANN401 - whatever the type says
        self.places[path] = node.where
        shape = shape_of(annotation)
        before = len(self._mistakes)
        value: Any
        match node:
            case Table() if shape.struct:
                value = self.fields(node, shape.struct, path)
            case Table() if shape.pair:
                value = self._pairs(node, shape.pair, path)
            case Listing() if shape.item:
                value = [self._read(item, shape.item, step(path, index)) for index, item in enumerate(node.items)]
            case Scalar() if shape.scalars:
                return self._scalar(node, shape, path)
            case _:
                return self._refuse(node, shape, path)
        if len(self._mistakes) > before:
            return HOLE
        return value if _fits(value, shape) else self._refuse(node, shape, path)

    def _pairs(self, table: Table, pair: tuple[object, object], path: str) -> dict[str, Any]:
        key_shape = shape_of(pair[0])
        values: dict[str, Any] = {}
        for name, node in table.entries.items():
            below = step(path, name)
            key = table.keys.get(name, Scalar(where=node.where, kind=Kind.TEXT, text=name))
            if self._scalar(key, key_shape, below) is not HOLE:
                values[name] = self._read(node, pair[1], below)
        return values

    def _scalar(self, node: Scalar, shape: Shape, path: str) -> Any:  # noqa: ANN401 - a scalar of any type
        for value in _candidates(node, shape.scalars):
            if _fits(value, shape):
                return value
        return self._refuse(node, shape, path)

    def _refuse(self, node: Node, shape: Shape, path: str) -> object:
        self.wrong(node, path, f"found {found(node)}, expected {shape.expected}{_hint(node, shape)}")
        return HOLE


def _expected(info: FieldInfo) -> str:
    shape = shape_of(info.type)
    return shape.expected + _example(shape)


def _example(shape: Shape) -> str:
    if shape.example is None:
        return ""
    text = shape.example if isinstance(shape.example, str) else msgspec.json.encode(shape.example).decode()
    return f"; e.g. {text}"


def _hint(node: Node, shape: Shape) -> str:
    """Return what would make it right, or else an example."""
    if not isinstance(node, Scalar):
        return _example(shape)
    if node.kind is Kind.ODD and _fits(node.text, shape):
        return f"; {node.note}: put it in quotes"
    if node.kind is Kind.ODD:
        return f"; {node.note}{_example(shape)}"
    if node.kind in (Kind.INTEGER, Kind.FLOAT, Kind.BOOLEAN) and _fits(node.text, shape):
        return "; put it in quotes"
    free = Scalar(where=node.where, kind=Kind.FREE, text=node.text)
    if (
        node.kind is Kind.TEXT
        and not node.shown
        and any(_fits(value, shape) for value in _candidates(free, shape.scalars))
    ):
        return "; write it without quotes"
    return _example(shape)


def _candidates(node: Scalar, scalars: set[type]) -> Iterator[object]:
    """Yield what a scalar can mean where `scalars` are expected."""
    free = node.kind is Kind.FREE
    if int in scalars and (free or node.kind is Kind.INTEGER) and _INTEGER.fullmatch(node.text):
        yield int(node.text)
    if bool in scalars and (free or node.kind is Kind.BOOLEAN) and node.text in _BOOLEANS:
        yield _BOOLEANS[node.text]
    if str in scalars and (free or node.kind is Kind.TEXT):
        yield node.text


def _fits(value: object, shape: Shape) -> bool:
    """Whether msgspec takes the value, and a duration is within its bounds."""
    try:
        msgspec.convert(value, shape.annotation)
    except msgspec.ValidationError:
        return False
    if not shape.bounds_s or not isinstance(value, str):
        return True
    seconds = duration_s(value)
    return shape.bounds_s["min_s"] <= seconds <= shape.bounds_s.get("max_s", seconds)
