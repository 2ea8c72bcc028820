"""Answers and errors: from plain Python values to the bytes of AWS's protocols, guided by the service's model.

A member that the model does not know is left out, as every client would: a botocore older than the lab has fewer
members. `None` means absent.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, cast
from xml.sax.saxutils import escape

import msgspec

from teal.lab.front.models import Operation, Ref, Service, Shape
from teal.lab.front.plain import is_list, is_map

Protocol = Literal["json", "query", "ec2", "rest-xml", "cbor"]
CONTENT_TYPES: Mapping[Protocol, str] = {
    "json": "application/x-amz-json-1.1",
    "query": "text/xml",
    "ec2": "text/xml;charset=UTF-8",
    "rest-xml": "application/xml",
    "cbor": "application/cbor",
}
# XML 1.0 has no way to write most control characters.
_NOT_IN_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], "\N{REPLACEMENT CHARACTER}")


def copied(service: Service, ref: Ref | None, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer of the world as a client would see it: known members only, and nobody else's objects."""
    return {} if ref is None else cast("dict[str, Any]", _copy(service, ref, value))


def _copy(service: Service, ref: Ref, value: object) -> Any:  # noqa: ANN401 - its type is its shape's
    if is_map(value):
        return {name: _copy(service, to, inner) for name, to, inner in _parts(service.shape(ref), value)}
    if is_list(value) and (to := service.shape(ref).member) is not None:
        return [_copy(service, to, element) for element in value]
    return value


def write_json(service: Service, operation: Operation, answer: Mapping[str, Any]) -> bytes:
    """Return the body of an answer in the JSON protocols."""
    return b"{}" if operation.output is None else msgspec.json.encode(_json(service, operation.output, answer))


def _json(service: Service, ref: Ref, value: object) -> object:
    if is_map(value):
        return {name: _json(service, to, inner) for name, to, inner in _parts(service.shape(ref), value)}
    if is_list(value) and (to := service.shape(ref).member) is not None:
        return [_json(service, to, element) for element in value]
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    return b64encode(value).decode() if isinstance(value, bytes) else value


def _parts(shape: Shape, value: Mapping[str, Any]) -> Iterable[tuple[str, Ref, Any]]:
    """Yield name, use and value of each known member of a structure, or of each entry of a map."""
    of_all = shape.value if shape.type == "map" else None
    known = shape.members.get
    for name, inner in value.items():
        ref = of_all or known(name)
        if ref is not None and inner is not None:
            yield name, ref, inner


def write_xml(service: Service, operation: Operation, answer: Mapping[str, Any], request_id: str) -> bytes:
    """Return the body of an answer in the query protocols."""
    out = [f'<{operation.name}Response xmlns="{service.namespace}">']
    inner: list[str] = []
    if operation.output is not None:
        _xml_members(service, service.shape(operation.output), answer, inner)
    if service.ec2:
        out += [f"<requestId>{request_id}</requestId>", *inner]
    else:
        wrapper = operation.output.wrapper if operation.output is not None else ""
        out += [f"<{wrapper}>", *inner, f"</{wrapper}>"] if wrapper else inner
        out.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>")
    out.append(f"</{operation.name}Response>")
    return "".join(out).encode()


def _xml_members(service: Service, shape: Shape, value: Mapping[str, Any], out: list[str]) -> None:
    for name, ref, inner in _parts(shape, value):
        _xml(service, ref, ref.location_name or name, inner, out)


def _xml(service: Service, ref: Ref, tag: str, value: object, out: list[str]) -> None:
    if is_list(value):
        _xml_list(service, (ref, service.shape(ref)), tag, value, out)
    elif not is_map(value):
        out.append(f"<{tag}>{_xml_text(value)}</{tag}>")
    elif (shape := service.shape(ref)).type == "map":
        _xml_map(service, (ref, shape), tag, value, out)
    else:
        out.append(f"<{tag}>")
        _xml_members(service, shape, value, out)
        out.append(f"</{tag}>")


def _xml_list(service: Service, use: tuple[Ref, Shape], tag: str, values: Iterable[Any], out: list[str]) -> None:
    ref, shape = use
    if shape.member is None:
        return
    flat = ref.flattened or shape.flattened
    inner_tag = tag if flat else shape.member.location_name or "member"
    inner: list[str] = []
    for value in values:
        _xml(service, shape.member, inner_tag, value, inner)
    out += inner if flat else [f"<{tag}>", *inner, f"</{tag}>"]


def _xml_map(service: Service, use: tuple[Ref, Shape], tag: str, values: Mapping[str, Any], out: list[str]) -> None:
    ref, shape = use
    if shape.key is None or shape.value is None:
        return
    flat = ref.flattened or shape.flattened
    entry = tag if flat else "entry"
    inner: list[str] = []
    for name, value in values.items():
        inner.append(f"<{entry}>")
        _xml(service, shape.key, shape.key.location_name or "key", name, inner)
        _xml(service, shape.value, shape.value.location_name or "value", value, inner)
        inner.append(f"</{entry}>")
    out += inner if flat else [f"<{tag}>", *inner, f"</{tag}>"]


def _xml_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, bytes):
        return b64encode(value).decode()
    text = str(value)
    return escape(text if text.isprintable() else text.translate(_NOT_IN_XML))


def write_error(protocol: Protocol, code: str, message: str, status: int, request_id: str) -> bytes:
    """Return the body of an error in a protocol."""
    kind = "Sender" if status < 500 else "Receiver"  # noqa: PLR2004 - where HTTP puts the blame on the server
    told = f"<Code>{_xml_text(code)}</Code><Message>{_xml_text(message)}</Message>"
    match protocol:
        case "json":
            return msgspec.json.encode({"__type": code, "message": message})
        case "query":
            inner = f"<Error><Type>{kind}</Type>{told}</Error><RequestId>{request_id}</RequestId>"
            return f"<ErrorResponse>{inner}</ErrorResponse>".encode()
        case "ec2":
            errors = f"<Errors><Error>{told}</Error></Errors><RequestID>{request_id}</RequestID>"
            return f"<Response>{errors}</Response>".encode()
        case "rest-xml":
            return f"<Error>{told}<RequestId>{request_id}</RequestId></Error>".encode()
        case "cbor":
            return b"\xa2" + b"".join(_cbor_text(text) for text in ("__type", code, "message", message))


def _cbor_text(text: str) -> bytes:
    """Return a text in CBOR: major type 3, with a length of four bytes."""
    encoded = text.encode()
    return b"\x7a" + len(encoded).to_bytes(4, "big") + encoded
