"""Requests: from the bytes of AWS's protocols to plain Python values, guided by the service's model.

JSON carries types, so little is left to do. The query protocol carries a flat list of texts whose keys are paths:

    Actions.member.1.ForwardConfig.TargetGroups.member.2.Weight=10        query: `.member.N`, maps `.entry.N.key`
    Filter.1.Value.2=subnet-a                                             EC2:   always flattened, capital names

They are made into a tree first, and the tree is walked along the model. What the model does not know, or what cannot
be read as the type that the model wants, is handed on as it came: `checking` refuses it with AWS's sentence.
"""

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec

from teal.lab.front.models import Ref, Service, Shape
from teal.lab.front.plain import is_list, is_map
from teal.lab.world.wires import AwsRefusal

Tree = dict[str, Any]  # a node is a text or another tree
_MOST_FIELDS = 20_000
_MOST_LEVELS = 50
_MOST_DIGITS = 6


def read_json(service: Service, ref: Ref | None, body: bytes) -> dict[str, Any]:
    """Return the parameters of a request of the JSON protocols."""
    try:
        given: object = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, RecursionError) as error:
        raise AwsRefusal("SerializationException", f"The request body is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise AwsRefusal("SerializationException", "The request body is not a JSON object")
    params = cast("dict[str, Any]", given)
    return params if ref is None else _plain(service, ref, params)


def _plain(service: Service, ref: Ref, value: object) -> Any:  # noqa: ANN401 - a JSON value, its type is its shape's
    """Return a JSON value with its timestamps and blobs decoded and its nulls left out."""
    shape = service.shape(ref)
    if is_map(value) and not shape.document:
        refs = {name: _inner(shape, name) for name in value}
        return {
            name: inner if (to := refs[name]) is None else _plain(service, to, inner)
            for name, inner in value.items()
            if inner is not None
        }
    if is_list(value) and shape.member is not None:
        to = shape.member
        return [_plain(service, to, element) for element in value]
    if shape.type in {"timestamp", "blob"}:
        return _scalar(shape, value)
    return value


def _inner(shape: Shape, name: str) -> Ref | None:
    return shape.value if shape.type == "map" else shape.members.get(name)


def read_form(body: bytes) -> Tree:
    """Return the fields of a request of the query protocols as a tree.

    Raises:
        AwsRefusal: the body is not a form, or one field is both a text and a structure.
    """
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise AwsRefusal("MalformedQueryString", f"The request body is not a form: {error}") from error
    root: Tree = {}
    for key, value in pairs:
        _plant(root, key, value)
    return root


def _plant(root: Tree, key: str, value: str) -> None:
    *stem, leaf = key.split(".", _MOST_LEVELS)
    if "." in leaf:
        raise AwsRefusal("MalformedQueryString", f"a field is nested deeper than {_MOST_LEVELS} levels")
    node = root
    for part in stem:
        below: object = node.setdefault(part, {})
        if not isinstance(below, dict):
            raise AwsRefusal("MalformedQueryString", f"'{key}' goes through a field that has a value of its own")
        node = cast("Tree", below)
    if is_map(node.get(leaf)):
        raise AwsRefusal("MalformedQueryString", f"'{key}' is both a value and a structure")
    node[leaf] = value


def read_query(service: Service, ref: Ref | None, form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a request of the query protocols, `form` being what `read_form` made of it."""
    fields = {name: node for name, node in form.items() if name not in {"Action", "Version"}}
    return fields if ref is None else cast("dict[str, Any]", _grown(service, ref, fields))


def _grown(service: Service, ref: Ref, node: object) -> Any:  # noqa: ANN401 - its type is its shape's
    shape = service.shape(ref)
    match shape.type:
        case "structure":
            return _structure(service, shape, node) if is_map(node) else node
        case "list":
            return _list(service, ref, shape, node)
        case "map":
            return _map(service, ref, shape, node)
        case _:
            return _scalar(shape, node)


def _structure(service: Service, shape: Shape, node: Mapping[str, Any]) -> dict[str, Any]:
    names = {_wire_name(service, name, ref): (name, ref) for name, ref in shape.members.items()}
    grown: dict[str, Any] = {}
    for wire, inner in node.items():
        name, ref = names.get(wire, (wire, None))
        grown[name] = inner if ref is None else _grown(service, ref, inner)
    return grown


def _wire_name(service: Service, name: str, ref: Ref) -> str:
    """Return the name of a structure's member in a request."""
    if service.ec2:
        location = ref.location_name
        return ref.query_name or location[:1].upper() + location[1:] or name
    shape = service.shape(ref)
    if shape.member is not None and (ref.flattened or shape.flattened) and shape.member.location_name:
        return shape.member.location_name
    return ref.location_name or name


def _list(service: Service, ref: Ref, shape: Shape, node: object) -> object:
    element = shape.member
    if element is None:
        return node
    if not (service.ec2 or ref.flattened or shape.flattened) and is_map(node):
        node = _only_child(node, element.location_name or "member")
    numbered = _numbered(node)
    return node if numbered is None else [_grown(service, element, inner) for inner in numbered]


def _map(service: Service, ref: Ref, shape: Shape, node: object) -> object:
    key, value = shape.key, shape.value
    if key is None or value is None:
        return node
    if not (ref.flattened or shape.flattened) and is_map(node):
        node = _only_child(node, "entry")
    numbered = _numbered(node)
    if numbered is None:
        return node
    trees = [inner for inner in numbered if is_map(inner)]
    key_name, value_name = key.location_name or "key", value.location_name or "value"
    return {str(tree.get(key_name)): _grown(service, value, tree.get(value_name)) for tree in trees}


def _only_child(node: Mapping[str, Any], name: str) -> object:
    """Return what stands below the level `name`; the node itself when there is anything else beside it."""
    return node[name] if set(node) == {name} else node


def _numbered(node: object) -> list[object] | None:
    """Return the elements of `.1 .2 .3 …` in order; an empty text is the empty list, None is no list at all."""
    if node == "":
        return []
    if not is_map(node) or not all(_is_index(key) for key in node):
        return None
    return [node[key] for key in sorted(node, key=int)]


def _is_index(key: str) -> bool:
    return key.isascii() and key.isdecimal() and len(key) <= _MOST_DIGITS


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _instant(value: str) -> datetime:
    """Return an instant written as unix seconds or in ISO 8601; one without a zone is in UTC."""
    try:
        return datetime.fromtimestamp(float(value), tz=UTC)
    except ValueError:
        read = datetime.fromisoformat(value)
        return read if read.tzinfo else read.replace(tzinfo=UTC)


_READERS: dict[str, Callable[[str], object]] = {
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": _boolean,
    "timestamp": _instant,
    "blob": lambda text: b64decode(text, validate=True),
}


def _scalar(shape: Shape, value: object) -> object:
    """Return the value read as its type, or as it came when it cannot be read so."""
    reader = _READERS.get(shape.type)
    if reader is None or is_map(value) or is_list(value):
        return value
    try:
        return reader(str(value))
    except (ValueError, KeyError, OverflowError, OSError, binascii.Error):
        return value
