"""What one key alone cannot know: keys that need, exclude or repeat each other, and the task definition.

A check runs when the top keys it speaks of could be read, so that one mistake does not hide the others.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

from msgspec import UnsetType

from teal.config.conditions import conditions_of, wrong_conditions
from teal.config.durations import duration_s, shift_steps
from teal.config.native import ServiceBody
from teal.config.schema import ALL_AT_ONCE, RoutePart, SlotPart, TealFile
from teal.config.schema_gates import GatePart
from teal.config.tree import Mistake, Mistakes, Scalar, Where, did_you_mean, step
from teal.config.walk import Walked

Finding = tuple[str, str]  # path and sentence
_NO_TAGS: Mapping[str, Scalar] = {}
_TAG = re.compile(r"[\w .:/=+@-]*")
_RESERVED = ("aws:", "teal:")
_MAX_TAGS = 40  # AWS allows 50, teal needs some itself
_WAYS = ("priority", "default", "conditions", "rule_arn")


def check(walked: Walked, task: Mapping[str, Any] | None, service: ServiceBody | None, mistakes: Mistakes) -> None:
    """Note every mistake that needs more than one key to be seen; `task` and `service` are None when unreadable."""
    for needs, findings in _CHECKS:
        if not walked.broken & needs:
            _note(findings(walked.file), walked.places, mistakes)
    if task is not None:
        for needs, task_findings in _TASK_CHECKS:
            if not walked.broken & needs:
                _note(task_findings(walked.file, task), walked.places, mistakes)
    tags = service.tags if service else _NO_TAGS
    for key, value in tags.items():
        text = _wrong_tag(key, value.text)
        if text:
            mistakes.append(Mistake(where=value.where, path="tags", text=text))


def _note(findings: Iterator[Finding], places: Mapping[str, Where], mistakes: Mistakes) -> None:
    mistakes.extend(Mistake(where=nearest(places, path), path=path, text=text) for path, text in findings)


def nearest(places: Mapping[str, Where], path: str) -> Where:
    """Return where `path` was written, or else the nearest key around it."""
    while path not in places:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return places[path]


def _slots(file: TealFile) -> Iterator[Finding]:
    slots = {"a": file.slots.a, "b": file.slots.b}
    if file.slots.a.service == file.slots.b.service:
        yield "slots.b.service", f"found {file.slots.b.service!r}, which is slot a's service too; each slot has its own"
    names = Counter(group.name for slot in slots.values() for group in slot.target_groups)
    for letter, slot in slots.items():
        keys = Counter(_keys(slot))
        for index, (group, key) in enumerate(zip(slot.target_groups, _keys(slot), strict=True)):
            path = step(f"slots.{letter}.target_groups", index)
            if names[group.name] > 1:
                yield f"{path}.name", f"found {group.name!r} {names[group.name]} times; each target group is named once"
            if keys[key] > 1:
                yield path, f"found {key} {keys[key]} times in one slot; each container port has one target group"
    only = set(_keys(file.slots.a)) ^ set(_keys(file.slots.b))
    if only:
        yield "slots", f"found {', '.join(sorted(only))} in one slot only; both slots need the same container ports"


def _keys(slot: SlotPart) -> list[str]:
    return [f"{group.container}:{group.port}" for group in slot.target_groups]


def _health_checks(file: TealFile) -> Iterator[Finding]:
    for letter, slot in (("a", file.slots.a), ("b", file.slots.b)):
        for index, group in enumerate(slot.target_groups):
            if not group.create or not group.create.health_check:
                continue
            check = group.create.health_check
            if duration_s(check.timeout) >= duration_s(check.interval):
                path = f"slots.{letter}.target_groups[{index}].create.health_check.timeout"
                yield path, f"found {check.timeout!r}, expected less than the interval, {check.interval}"


def _routes(file: TealFile) -> Iterator[Finding]:
    seen: dict[Hashable, int] = {}
    for index, route in enumerate(file.routes):
        path = step("routes", index)
        yield from _route_way(route, path)
        yield from _route_place(route, path)
        if route.conditions:
            yield from wrong_conditions(route.conditions, f"{path}.conditions")
        if route.create:
            yield from wrong_conditions(route.create.conditions, f"{path}.create.conditions")
        rule = _rule(route)
        if seen.setdefault(rule, index) != index:
            yield path, f"this is the same rule as routes[{seen[rule]}]"


def _rule(route: RoutePart) -> Hashable:
    """Return what tells a rule from others."""
    priority = route.create.priority if route.create else route.priority
    conditions = conditions_of(route.conditions) if route.conditions else ()
    return (route.load_balancer, route.listener, priority, route.default, conditions, route.rule_arn)


def _route_way(route: RoutePart, path: str) -> Iterator[Finding]:
    ways = [way for way in _WAYS if getattr(route, way)]
    if route.create:
        if ways == ["priority"] and route.priority == route.create.priority:
            return
        if ways:
            yield f"{path}.create", f"a created rule is found by its own priority; leave out {' and '.join(ways)}"
    elif len(ways) != 1:
        found = " and ".join(ways) or "none"
        yield path, f"found {found}, expected exactly one of priority, default: true, conditions, rule_arn, create"


def _route_place(route: RoutePart, path: str) -> Iterator[Finding]:
    for key in ("load_balancer", "listener"):
        there = bool(getattr(route, key))
        if there and route.rule_arn:
            yield f"{path}.{key}", "rule_arn says the load balancer and the listener already; leave this out"
        if not there and not route.rule_arn:
            yield f"{path}.{key}", "missing; it is needed unless rule_arn is there"


def _route_groups(file: TealFile) -> Iterator[Finding]:
    keys = _keys(file.slots.a)
    for index, route in enumerate(file.routes):
        path = f"routes[{index}].target_group"
        if route.target_group and route.target_group not in keys:
            yield path, f"found {route.target_group!r}, which no slot has; {did_you_mean(route.target_group, keys)}"
        if not route.target_group and len(keys) > 1:
            yield path, f"missing; a slot has several target groups: {', '.join(keys)}"


def _taste(file: TealFile) -> Iterator[Finding]:
    if not file.taste:
        return
    ways = [way for way in ("header", "cookie", "ports") if getattr(file.taste, way)]
    if len(ways) > 1:
        yield "taste", f"found {' and '.join(ways)}, expected one of header, cookie, ports"
    if file.taste.ports and file.taste.ports.a == file.taste.ports.b:
        yield "taste.ports.b", f"found {file.taste.ports.b}, which is slot a's port too"


def _taste_ports(file: TealFile) -> Iterator[Finding]:
    if not file.taste or not file.taste.ports:
        return
    production = {route.listener for route in file.routes}
    for letter, port in (("a", file.taste.ports.a), ("b", file.taste.ports.b)):
        if port in production:
            yield f"taste.ports.{letter}", f"found {port}, which is the production port of a route"


def _deploy(file: TealFile) -> Iterator[Finding]:
    if not file.deploy:
        return
    shift = file.deploy.shift
    if not isinstance(shift, str):
        steps = shift_steps(shift)
        if isinstance(steps, str):
            yield "deploy.shift", f"{steps}; or write {ALL_AT_ONCE}"
    gates: list[GatePart] = (file.deploy.gates.taste or []) if file.deploy.gates else []
    for index, gate in enumerate(gates):
        if bool(gate.http) == bool(gate.run):
            found = "both" if gate.http else "neither"
            yield f"deploy.gates.taste[{index}]", f"found {found}, expected exactly one of http, run"


def _seen(file: TealFile) -> Iterator[Finding]:
    if file.deploy and file.deploy.require_seen == "probed" and not file.identity:
        yield "deploy.require_seen", "probed needs `identity`: the app must say which revision answers"


def _tags(file: TealFile) -> Iterator[Finding]:
    tags = {} if isinstance(file.tags, UnsetType) else file.tags
    if len(tags) > _MAX_TAGS:
        yield "tags", f"found {len(tags)} tags, expected at most {_MAX_TAGS}"
    for key, value in tags.items():
        text = _wrong_tag(key, value)
        if text:
            yield step("tags", key), text


def _wrong_tag(key: str, value: str) -> str:
    if key.lower().startswith(_RESERVED):
        return f"the tag key {key!r} is reserved; take one that does not begin with aws: or teal:"
    if not _TAG.fullmatch(key) or not _TAG.fullmatch(value):
        return "AWS allows letters, digits, spaces and _ . : / = + - @ in tags, and nothing else"
    return ""


def _containers(file: TealFile, task: Mapping[str, Any]) -> Iterator[Finding]:
    ports = {
        str(container["name"]): [mapping.get("containerPort") for mapping in container.get("portMappings", ())]
        for container in task["containerDefinitions"]
    }
    for letter, slot in (("a", file.slots.a), ("b", file.slots.b)):
        for index, group in enumerate(slot.target_groups):
            path = f"slots.{letter}.target_groups[{index}]"
            if group.container not in ports:
                hint = did_you_mean(group.container, ports)
                yield f"{path}.container", f"found {group.container!r}, which the task definition has not; {hint}"
            elif group.port not in ports[group.container]:
                known = ", ".join(str(port) for port in ports[group.container]) or "none"
                yield (
                    f"{path}.port",
                    f"found {group.port}, which container {group.container} does not map; it maps {known}",
                )


def _identity(file: TealFile, task: Mapping[str, Any]) -> Iterator[Finding]:
    if not file.identity or not file.identity.environment:
        return
    names = {
        str(variable.get("name"))
        for container in task["containerDefinitions"]
        for variable in container.get("environment", ())
    }
    name = file.identity.environment
    if name not in names:
        hint = did_you_mean(name, sorted(names))
        yield "identity.environment", f"found {name!r}, which no container has in `environment`; {hint}"


_CHECKS: tuple[tuple[frozenset[str], Callable[[TealFile], Iterator[Finding]]], ...] = (
    (frozenset({"slots"}), _slots),
    (frozenset({"slots"}), _health_checks),
    (frozenset({"routes"}), _routes),
    (frozenset({"routes", "slots"}), _route_groups),
    (frozenset({"taste"}), _taste),
    (frozenset({"taste", "routes"}), _taste_ports),
    (frozenset({"deploy"}), _deploy),
    (frozenset({"deploy", "identity"}), _seen),
    (frozenset({"tags"}), _tags),
)
_TASK_CHECKS: tuple[tuple[frozenset[str], Callable[[TealFile, Mapping[str, Any]], Iterator[Finding]]], ...] = (
    (frozenset({"slots"}), _containers),
    (frozenset({"identity"}), _identity),
)
