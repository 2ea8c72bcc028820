"""The two JSON files: the bodies of RegisterTaskDefinition and CreateService, as AWS spells them.

teal passes on what AWS understands, fields of tomorrow included, so it reads only what it must: that the body is one,
that numbers are numbers, and that nothing in the service would defeat two slots behind one load balancer.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from teal.config.native_kinds import KINDS
from teal.config.tree import Kind, Listing, Mistake, Mistakes, Node, Scalar, Table, found, step

# What only DescribeTaskDefinition answers; an exported file may have it.
_DESCRIBED = frozenset(
    {
        "compatibilities",
        "deleteRequestedAt",
        "deregisteredAt",
        "registeredAt",
        "registeredBy",
        "requiresAttributes",
        "revision",
        "status",
        "taskDefinitionArn",
    }
)
_OF_THE_SLOT = frozenset({"clientToken", "cluster", "loadBalancers", "serviceName", "tags", "taskDefinition"})
_SEPARATE = "both slots would answer under one name, past the load balancer's rules; remove it"
_REFUSED = {
    "serviceConnectConfiguration": f"Service Connect is not supported: {_SEPARATE}",
    "serviceRegistries": f"service discovery is not supported: {_SEPARATE}",
    "vpcLatticeConfigurations": f"VPC Lattice is not supported: {_SEPARATE}",
}
_FAMILY = re.compile(r"[A-Za-z0-9_-]{1,255}")
_INDEX = re.compile(r"\[[0-9]+\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBody:
    """CreateService's body without what belongs to a slot, and the tags that stood in it."""

    body: Mapping[str, Any]
    tags: Mapping[str, Scalar]


def unwrap(node: Node) -> Node:
    """Return the task definition in an answer of DescribeTaskDefinition, its tags included; anything else as it is."""
    if not isinstance(node, Table):
        return node
    inner = node.entries.get("taskDefinition")
    if not isinstance(inner, Table):
        return node
    tags = node.entries.get("tags")
    return replace(inner, entries={"tags": tags, **inner.entries}) if tags else inner


def read_task_definition(node: Node, mistakes: Mistakes) -> dict[str, Any] | None:
    """Return RegisterTaskDefinition's body, None when something is wrong."""
    before = len(mistakes)
    table = _body(node, "RegisterTaskDefinition", mistakes)
    if table is None:
        return None
    kept = replace(table, entries={key: value for key, value in table.entries.items() if key not in _DESCRIBED})
    family = _required(kept, "family", "the family's name", mistakes)
    if family and not (_is_text(family) and _FAMILY.fullmatch(family.text)):
        text = f"found {found(family)}, expected a family of up to 255 letters, digits, _ and -; e.g. shop-web"
        mistakes.append(Mistake(where=family.where, path="family", text=text))
    _check_containers(_required(kept, "containerDefinitions", "a list of containers", mistakes), mistakes)
    value = _value(kept, "", "task_definition", mistakes)
    return value if len(mistakes) == before else None


def read_service(node: Node, mistakes: Mistakes) -> ServiceBody | None:
    """Return CreateService's body without what belongs to a slot, None when something is wrong."""
    before = len(mistakes)
    table = _body(node, "CreateService", mistakes)
    if table is None:
        return None
    for key, sentence in _REFUSED.items():
        _refuse(table, (key,), lambda found_: not _is_off(found_), sentence, mistakes)
    for path, wanted, sentence in _WANTED:
        _refuse(table, path, _other_than(wanted), sentence, mistakes)
    tags = _tags(table.entries.get("tags"), mistakes)
    dropped = _OF_THE_SLOT | _REFUSED.keys()
    kept = replace(table, entries={key: value for key, value in table.entries.items() if key not in dropped})
    body = _value(kept, "", "service", mistakes)
    if len(mistakes) > before:
        return None
    return ServiceBody(body=body, tags=tags)


# Where a service must have one value, absent counts as it.
_WANTED: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("deploymentController", "type"),
        "ECS",
        "teal needs the deployment controller ECS: with another one ECS does not update the service itself",
    ),
    (
        ("deploymentConfiguration", "strategy"),
        "ROLLING",
        "teal needs the strategy ROLLING: it moves the traffic itself, and ECS must not move it too",
    ),
    (
        ("schedulingStrategy",),
        "REPLICA",
        "teal needs the scheduling strategy REPLICA: the number of tasks of a DAEMON service cannot be chosen",
    ),
)


def _body(node: Node, operation: str, mistakes: Mistakes) -> Table | None:
    if isinstance(node, Table):
        return node
    text = f"found {found(node)}, expected an object: the body of {operation}"
    mistakes.append(Mistake(where=node.where, path="", text=text))
    return None


def _required(table: Table, key: str, expected: str, mistakes: Mistakes, path: str = "") -> Node | None:
    node = table.entries.get(key)
    if node is None:
        mistakes.append(Mistake(where=table.where, path=step(path, key), text=f"missing; expected {expected}"))
    return node


def _check_containers(node: Node | None, mistakes: Mistakes) -> None:
    if node is None:
        return
    path = "containerDefinitions"
    if not isinstance(node, Listing) or not node.items:
        text = f"found {found(node)}, expected a list of at least one container"
        mistakes.append(Mistake(where=node.where, path=path, text=text))
        return
    seen: set[str] = set()
    for index, item in enumerate(node.items):
        _check_container(item, step(path, index), seen, mistakes)


def _check_container(node: Node, path: str, seen: set[str], mistakes: Mistakes) -> None:
    if not isinstance(node, Table):
        mistakes.append(Mistake(where=node.where, path=path, text=f"found {found(node)}, expected an object"))
        return
    for key, expected in (("name", "the container's name"), ("image", "an image, here or by --image")):
        value = _required(node, key, expected, mistakes, path)
        if value and not (_is_text(value) and value.text):
            text = f"found {found(value)}, expected {expected}"
            mistakes.append(Mistake(where=value.where, path=step(path, key), text=text))
    name = node.entries.get("name")
    if isinstance(name, Scalar) and name.text in seen:
        text = f"another container has the name {name.text!r} already"
        mistakes.append(Mistake(where=name.where, path=step(path, "name"), text=text))
    seen |= {name.text} if isinstance(name, Scalar) else set()
    for key in ("environment", "portMappings"):
        _check_objects(node.entries.get(key), step(path, key), mistakes)


def _check_objects(node: Node | None, path: str, mistakes: Mistakes) -> None:
    if not node or _is_null(node):
        return
    if not isinstance(node, Listing) or not all(isinstance(item, Table) for item in node.items):
        mistakes.append(Mistake(where=node.where, path=path, text="expected a list of objects"))


def _refuse(
    table: Table, path: tuple[str, ...], refused: Callable[[Node], bool], sentence: str, mistakes: Mistakes
) -> None:
    """Note a mistake when the value at `path` is there and refused."""
    node: Node | None = table
    for key in path:
        node = node.entries.get(key) if isinstance(node, Table) else None
    if node is not None and refused(node):
        mistakes.append(Mistake(where=node.where, path=".".join(path), text=sentence))


def _other_than(wanted: str) -> Callable[[Node], bool]:
    return lambda node: not (isinstance(node, Scalar) and (_is_null(node) or node.text == wanted))


def _is_off(node: Node) -> bool:
    """Whether a setting is there without an effect, as exported files have it."""
    match node:
        case Listing():
            return not node.items
        case Table():
            enabled = node.entries.get("enabled")
            return not node.entries or (isinstance(enabled, Scalar) and enabled.text == "false")
        case _:
            return _is_null(node)


def _tags(node: Node | None, mistakes: Mistakes) -> dict[str, Scalar]:
    """Return the tags of a service body by their keys."""
    tags: dict[str, Scalar] = {}
    items = node.items if isinstance(node, Listing) else ()
    pairs = [_tag(item) for item in items]
    if node and not _is_null(node) and (not isinstance(node, Listing) or None in pairs):
        text = "expected a list of tags, each with key and value"
        mistakes.append(Mistake(where=node.where, path="tags", text=text))
    for pair in pairs:
        if pair:
            tags[pair[0]] = pair[1]
    return tags


def _tag(node: Node) -> tuple[str, Scalar] | None:
    if not isinstance(node, Table):
        return None
    key, value = node.entries.get("key"), node.entries.get("value")
    if key and value and _is_text(key) and _is_text(value):
        return key.text, value
    return None


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.kind is Kind.NULL


def _is_text(node: Node) -> TypeGuard[Scalar]:
    return isinstance(node, Scalar) and node.kind in (Kind.TEXT, Kind.FREE)


def _value(node: Node, path: str, root: str, mistakes: Mistakes) -> Any:  # noqa: ANN401 - JSON
    """Return the plain JSON value of a node; `root` says of which body."""
    match node:
        case Table():
            there = {key: below for key, below in node.entries.items() if not _is_null(below)}
            return {key: _value(below, step(path, key), root, mistakes) for key, below in there.items()}
        case Listing():
            return [_value(item, step(path, index), root, mistakes) for index, item in enumerate(node.items)]
        case _:
            return _scalar(node, path, KINDS[root].get(_INDEX.sub("[]", path)), mistakes)


def _scalar(node: Scalar, path: str, wanted: Kind | None, mistakes: Mistakes) -> str | float | bool | None:
    kind = (wanted or Kind.TEXT) if node.kind is Kind.FREE else node.kind
    if wanted and (kind is not wanted or not _LOOKS[wanted].fullmatch(node.text)):
        remedy = "; put it in quotes" if wanted is Kind.TEXT else "; write it without quotes"
        text = f"found {found(node)}, expected {_NAMES[wanted]}{remedy if _differs_by_quotes(node, wanted) else ''}"
        mistakes.append(Mistake(where=node.where, path=path, text=text))
        return None
    match kind:
        case Kind.INTEGER:
            return int(node.text)
        case Kind.FLOAT:
            return float(node.text)
        case Kind.BOOLEAN:
            return node.text == "true"
        case Kind.NULL:
            return None
        case _:
            return node.text


def _differs_by_quotes(node: Scalar, wanted: Kind) -> bool:
    if wanted is Kind.TEXT:
        return node.kind is not Kind.NULL
    return node.kind is Kind.TEXT and _LOOKS[wanted].fullmatch(node.text) is not None


_NAMES = {Kind.INTEGER: "a whole number", Kind.BOOLEAN: "true or false", Kind.TEXT: "a text"}
_LOOKS = {
    Kind.INTEGER: re.compile(r"-?[0-9]{1,18}"),
    Kind.BOOLEAN: re.compile(r"true|false"),
    Kind.TEXT: re.compile(r"(?s:.*)"),
}
