"""Equality modulo what AWS fills in.

AWS answers a registered task definition with defaults that nobody wrote. Two task definitions are of equal content
when
they are equal after each is reduced: answer-only fields dropped, empty values and defaults of AWS dropped, lists that
are sets sorted by name.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

ANSWER_ONLY = frozenset({
    "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt",
    "registeredBy", "deregisteredAt", "tags", "enableFaultInjection",
})  # fmt: skip
DEFAULTS: Mapping[str, Any] = {
    "cpu": 0,
    "essential": True,
    "protocol": "tcp",
    "networkMode": None,
    "enableFaultInjection": False,
    "versionConsistency": "enabled",
    "readonlyRootFilesystem": False,
    "privileged": False,
}
SETS_BY_KEY: Mapping[str, str] = {"environment": "name", "secrets": "name"}


def same_content(asked: Mapping[str, Any], registered: Mapping[str, Any]) -> bool:
    """Say whether registering `asked` again would make a revision equal to `registered`."""
    return content_key(asked) == content_key(registered)


def content_key(body: Mapping[str, Any]) -> str:
    """Return a text that is equal for equal content."""
    wanted = {key: value for key, value in body.items() if key not in ANSWER_ONLY}
    return json.dumps(_reduced("", wanted), sort_keys=True, default=str)


def _reduced(key: str, value: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    if isinstance(value, Mapping):
        return _reduced_mapping(cast("Mapping[str, Any]", value))
    if isinstance(value, list | tuple):
        items = [_reduced("", item) for item in cast("list[Any]", value)]
        by = SETS_BY_KEY.get(key)
        return sorted(items, key=lambda item: str(item.get(by))) if by else items
    if key in {"cpu", "memory"}:
        return str(value)  # task-level values are strings, container-level ones numbers; AWS takes both
    return value


def _reduced_mapping(value: Mapping[str, Any]) -> dict[str, Any]:
    reduced = {key: _reduced(key, item) for key, item in value.items()}
    if "containerPort" in value and value.get("hostPort") == value["containerPort"]:
        reduced.pop("hostPort")  # awsvpc: AWS repeats the container port
    return {key: item for key, item in reduced.items() if not _is_default(key, item)}


def _is_default(key: str, value: Any) -> bool:  # noqa: ANN401 - JSON of any shape
    if value is None or value in ([], {}, ""):
        return True
    return key in DEFAULTS and str(DEFAULTS[key]) == str(value)
