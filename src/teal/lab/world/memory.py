"""The memory of the world as plain data and back: records, and who refers to whom.

Records refer to each other in circles (a task to its service, that to its tasks). So each record gets a number and is
written down once; wherever it is referred to stands the number. Read back, only classes of the world's own modules are
made, by filling their fields and running none of their code: a file can say what is so, not what shall be done.

    {"objects": [["ecs_model.Task", {"task_id": "…", "service": {"r": 4}, …}], …], "roots": {…}}

Everything that JSON does not have is an object of one letter: r reference, d mapping, m mapping with other keys than
texts, u tuple, s set, z frozen set, q queue and its longest length, e member of an enumeration, t instant, f infinity.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from hashlib import sha256
from typing import Any, cast

_ROOM = "teal.lab.world."
Plain = Any  # what JSON can hold


class UnknownMemoryError(ValueError):
    """What was written down cannot be the memory of this world."""


def records() -> dict[str, type[Any]]:
    """Return the classes that a memory may hold, by module and name."""
    modules = [module for name, module in sys.modules.items() if name.startswith(_ROOM)]
    return {
        f"{module.__name__.removeprefix(_ROOM)}.{name}": kind
        for module in modules
        for name, kind in vars(module).items()
        if isinstance(kind, type)
        and kind.__module__ == module.__name__
        and (is_dataclass(kind) or issubclass(kind, Enum))
    }


def layout() -> str:
    """Return a fingerprint of all records and their fields: two worlds with the same one understand each other."""
    told = [f"{name}({', '.join(_names(kind))})" for name, kind in sorted(records().items())]
    return sha256("\n".join(told).encode()).hexdigest()[:16]


def _names(kind: type) -> list[str]:
    if issubclass(kind, Enum):
        return [each.name for each in kind]
    return [f"{each.name}: {each.type}" for each in fields(cast("Any", kind))]


class _Writer:
    """Writes records down, one after the other, without descending from one into the next."""

    def __init__(self) -> None:
        self._named = {kind: name for name, kind in records().items()}
        self._numbers: dict[int, int] = {}
        self._waiting: deque[object] = deque()

    def write(self, roots: Mapping[str, object]) -> Plain:
        plain = {name: self._plain(value) for name, value in roots.items()}
        objects: list[Plain] = []
        while self._waiting:
            one = self._waiting.popleft()
            own = {each.name: self._plain(getattr(one, each.name)) for each in fields(cast("Any", one))}
            objects.append([self._named[type(one)], own])
        return {"objects": objects, "roots": plain}

    def _plain(self, value: object) -> Plain:
        if isinstance(value, Enum):
            return {"e": [self._named[type(value)], value.name]}
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return value if abs(value) != float("inf") else {"f": str(value)}
        if isinstance(value, datetime):
            return {"t": value.astimezone(UTC).isoformat()}
        if is_dataclass(value) and type(value) in self._named:
            return {"r": self._number(value)}
        return self._container(value)

    def _number(self, record: object) -> int:
        if id(record) not in self._numbers:
            self._numbers[id(record)] = len(self._numbers)
            self._waiting.append(record)
        return self._numbers[id(record)]

    def _container(self, value: object) -> Plain:
        match value:
            case dict():
                return self._mapping(cast("dict[object, object]", value))
            case list():
                return self._each(cast("list[object]", value))
            case tuple():
                return {"u": self._each(cast("tuple[object, ...]", value))}
            case set() | frozenset():
                items = self._each(cast("Iterable[object]", value))
                return {"s" if isinstance(value, set) else "z": sorted(items, key=repr)}
            case deque():
                return {"q": [self._each(cast("deque[object]", value)), value.maxlen]}
            case _:
                raise TypeError(f"the lab cannot keep a {type(value).__name__}")

    def _mapping(self, pairs: Mapping[object, object]) -> Plain:
        if all(type(key) is str for key in pairs):
            return {"d": {str(key): self._plain(inner) for key, inner in pairs.items()}}
        return {"m": [[self._plain(key), self._plain(inner)] for key, inner in pairs.items()]}

    def _each(self, items: Iterable[object]) -> list[Plain]:
        return [self._plain(each) for each in items]


class _Reader:
    """Makes all records empty first, then fills them, so that they can refer to each other."""

    def __init__(self, objects: list[Plain]) -> None:
        self._known = records()
        kinds = [self._kind(name) for name, _ in objects]
        self._made: list[object] = [object.__new__(kind) for kind in kinds]
        self._makers: Mapping[str, Callable[[Any], object]] = {
            "r": lambda number: self._made[_index(number)],
            "d": lambda pairs: {str(key): self.value(inner) for key, inner in pairs.items()},
            "m": lambda pairs: {self.value(key): self.value(inner) for key, inner in pairs},
            "u": lambda items: tuple(self.value(each) for each in items),
            "s": lambda items: {self.value(each) for each in items},
            "z": lambda items: frozenset(self.value(each) for each in items),
            "q": lambda queue: deque([self.value(each) for each in queue[0]], maxlen=queue[1]),
            "e": lambda member: self._member(*member),
            "t": datetime.fromisoformat,
            "f": lambda text: {"inf": float("inf"), "-inf": float("-inf")}[text],
        }
        for made, kind, (_, own) in zip(self._made, kinds, objects, strict=True):
            self._fill(made, kind, own)

    def _kind(self, name: str) -> type[Any]:
        kind = self._known.get(name)
        if kind is None or issubclass(kind, Enum):
            raise UnknownMemoryError(f"{name!r} is no record of a lab")
        return kind

    def _fill(self, made: object, kind: type, own: Mapping[str, Plain]) -> None:
        if set(own) != {each.name for each in fields(kind)}:
            raise UnknownMemoryError(f"a {kind.__name__} has other fields")
        for name, plain in own.items():
            object.__setattr__(made, name, self.value(plain))  # also where the record is frozen

    def _member(self, name: str, member: str) -> Enum:
        kind = self._known.get(name)
        if kind is None or not issubclass(kind, Enum):
            raise UnknownMemoryError(f"{name!r} is no enumeration of a lab")
        return kind[member]

    def value(self, plain: Plain) -> Any:  # noqa: ANN401 - whatever was written down
        if isinstance(plain, list):
            return list(map(self.value, cast("list[object]", plain)))
        if isinstance(plain, dict):
            ((letter, inner),) = cast("dict[str, Plain]", plain).items()
            return self._makers[letter](inner)
        return plain


def _index(number: object) -> int:
    if type(number) is not int or number < 0:
        raise UnknownMemoryError(f"{number!r} refers to nothing")
    return number


def parts(state: object, *without: str) -> dict[str, Any]:
    """Return the fields of a record, but for those named."""
    return {each.name: getattr(state, each.name) for each in fields(cast("Any", state)) if each.name not in without}


def write(roots: Mapping[str, object]) -> Plain:
    """Return records, and what they refer to, as plain data.

    Raises:
        TypeError: the memory holds something that is not a record, a collection or a plain value.
    """
    return _Writer().write(roots)


def read(plain: Plain) -> dict[str, Any]:
    """Return what `write` was given.

    Raises:
        UnknownMemoryError: it was not written by this world.
    """
    try:
        reader = _Reader(plain["objects"])
        return {name: reader.value(value) for name, value in plain["roots"].items()}
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UnknownMemoryError(str(error)) from error
