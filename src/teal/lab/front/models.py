"""AWS's service models, as botocore ships them, read lazily and small.

A model is a JSON document: operations with an input and an output, and shapes that refer to each other by name. The
one of EC2 alone has 4 400 shapes, of which the lab needs a dozen. So a document is cut into undecoded slices first,
and a slice is decoded, without its documentation, when somebody asks for it. The whole costs a few milliseconds per
service and, in memory, little more than the file itself.
"""

import gzip
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Literal, TypeVar

import msgspec

Kind = Literal[
    "structure",
    "list",
    "map",
    "string",
    "character",
    "integer",
    "long",
    "float",
    "double",
    "boolean",
    "timestamp",
    "blob",
]

_CAMEL = {
    "location_name": "locationName",
    "query_name": "queryName",
    "timestamp_format": "timestampFormat",
    "at_least": "min",
    "at_most": "max",
    "wrapper": "resultWrapper",
}


class Ref(msgspec.Struct, frozen=True, rename=_CAMEL):
    """A use of a shape: as member of a structure, element of a list, input or output of an operation."""

    shape: str
    location_name: str = ""
    query_name: str = ""
    flattened: bool = False
    timestamp_format: str = ""
    wrapper: str = ""


class Shape(msgspec.Struct, frozen=True, rename=_CAMEL):
    """What a value may be. `at_least` and `at_most` bound a number, or the length of a text or list."""

    type: Kind
    members: dict[str, Ref] = {}
    member: Ref | None = None
    key: Ref | None = None
    value: Ref | None = None
    required: tuple[str, ...] = ()
    enum: tuple[str, ...] = ()
    at_least: int | float | None = None
    at_most: int | float | None = None
    flattened: bool = False
    document: bool = False
    timestamp_format: str = ""


class Operation(msgspec.Struct, frozen=True):
    """What can be asked of a service."""

    name: str
    input: Ref | None = None
    output: Ref | None = None


class _Metadata(msgspec.Struct, frozen=True):
    protocol: str = "json"
    protocols: tuple[str, ...] = ()
    namespace: str | dict[str, str] = msgspec.field(name="xmlNamespace", default="")


class _Document(msgspec.Struct, frozen=True):
    metadata: _Metadata
    operations: dict[str, msgspec.Raw]
    shapes: dict[str, msgspec.Raw]


_T = TypeVar("_T")


class Service:
    """The model of one service.

    Args:
        name: botocore's name of the service, e.g. `elbv2`.
        text: the model, as JSON.
    """

    def __init__(self, name: str, text: bytes) -> None:
        document = msgspec.json.decode(text, type=_Document)
        self.name = name
        self.namespace = str(document.metadata.namespace)
        self.protocols = document.metadata.protocols or (document.metadata.protocol,)
        self._operations = document.operations
        self._shapes = document.shapes
        self._decoded_operations: dict[str, Operation] = {}
        self._decoded_shapes: dict[str, Shape] = {}

    @property
    def ec2(self) -> bool:
        """Whether the service speaks EC2's dialect of the query protocol."""
        return self.protocols == ("ec2",)

    def operation_names(self) -> list[str]:
        """Return the names of all operations."""
        return sorted(self._operations)

    def operation(self, name: str) -> Operation | None:
        """Return an operation, or None when the service has none of this name."""
        return _decoded(name, Operation, self._operations, self._decoded_operations)

    def shape(self, ref: Ref) -> Shape:
        """Return the shape that `ref` refers to."""
        shape = self._decoded_shapes.get(ref.shape) or _decoded(ref.shape, Shape, self._shapes, self._decoded_shapes)
        if shape is None:
            raise LookupError(f"the model of {self.name} refers to a shape {ref.shape} that it does not have")
        return shape


def _decoded(name: str, kind: type[_T], raws: dict[str, msgspec.Raw], done: dict[str, _T]) -> _T | None:
    """Return the decoded slice `name`; two threads may decode the same slice twice, to equal values."""
    if name in done:
        return done[name]
    if name not in raws:
        return None
    done[name] = msgspec.json.decode(raws[name], type=kind)
    return done[name]


class Catalogue:
    """The models of all services that botocore knows; each is read once, when first asked for."""

    def __init__(self) -> None:
        # Only botocore's files are wanted: importing it would cost more time and memory than all the rest of the front.
        found = find_spec("botocore")
        self._data = Path(found.origin if found and found.origin else "botocore").parent / "data"
        self._services: dict[str, Service | None] = {}
        self._lock = Lock()

    def service(self, name: str) -> Service | None:
        """Return the model of a service by botocore's name, or None when there is none."""
        with self._lock:
            if name not in self._services:
                text = self._text(name)
                self._services[name] = Service(name, text) if text else None
            return self._services[name]

    def _text(self, name: str) -> bytes:
        """Return the newest version of a model, empty when there is none. `name` may come from a request."""
        if not name.replace("-", "").isalnum():
            return b""
        versions = sorted(self._data.glob(f"{name}/*/service-2.json*"))
        if not versions:
            return b""
        newest = versions[-1]
        return gzip.decompress(newest.read_bytes()) if newest.suffix == ".gz" else newest.read_bytes()
