"""Equality modulo what AWS fills in.

AWS answers a registered task definition with defaults that nobody wrote. Two task definitions are of equal content when
they are equal after each is reduced: answer-only fields, empty values and defaults of AWS dropped, sizes in one unit,
lists that are sets sorted. Maps whose keys are the user's own (labels, log options) are kept to the letter.

What AWS will fill in next year is not known here. So a revision that teal registers carries the digest of what was
asked for in a tag, and equal digests are equal content whatever AWS made of it.
"""

import json
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, cast

from teal.model.workload import TaskDefinition

CONTENT = "teal:content"
ANSWER_ONLY = frozenset({
    "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt",
    "registeredBy", "deregisteredAt", "tags",
})  # fmt: skip
DEFAULTS: Mapping[str, Any] = {
    "cpu": 0,
    "essential": True,
    "protocol": "tcp",
    "hostPort": 0,
    "enableFaultInjection": False,
    "versionConsistency": "enabled",
    "readonlyRootFilesystem": False,
    "privileged": False,
    "interactive": False,
    "pseudoTerminal": False,
    "disableNetworking": False,
    "readOnly": False,
    "operatingSystemFamily": "LINUX",
    "cpuArchitecture": "X86_64",
}
HEALTH_CHECK_DEFAULTS: Mapping[str, Any] = {"interval": 30, "timeout": 5, "retries": 3}
SETS_BY_KEY: Mapping[str, str] = {"environment": "name", "secrets": "name"}
PLAIN_SETS = frozenset({"requiresCompatibilities"})
USERS_OWN = frozenset({"dockerLabels", "options", "driverOpts", "labels"})
SIZES: Mapping[str, int] = {"vcpu": 1024, "gb": 1024}
SIZE = re.compile(r"(\d*\.?\d+)\s*(vcpu|gb)", re.IGNORECASE)


def content_digest(body: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the reduced content, in hexadecimal."""
    return _digest(content_key(body))


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def equal_content(asked: Mapping[str, Any], registered: TaskDefinition) -> bool:
    """Say whether a revision is what registering `asked` would make."""
    return bool(equal_among(asked, (registered,)))


def equal_among(asked: Mapping[str, Any], registered: Iterable[TaskDefinition]) -> list[TaskDefinition]:
    """Return the revisions that are what registering `asked` would make."""
    key = content_key(asked)
    digest = _digest(key)
    return [each for each in registered if each.tags.get(CONTENT) == digest or content_key(each.body) == key]


def same_content(asked: Mapping[str, Any], registered: Mapping[str, Any]) -> bool:
    """Say whether two bodies are equal when reduced."""
    return content_key(asked) == content_key(registered)


def content_key(body: Mapping[str, Any]) -> str:
    """Return a text that is equal for equal content."""
    wanted = {key: value for key, value in body.items() if key not in ANSWER_ONLY}
    return json.dumps(_reduced("", wanted), sort_keys=True, default=str)


def _reduced(key: str, value: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        return dict(mapping) if key in USERS_OWN else _reduced_mapping(key, mapping)
    if isinstance(value, list | tuple):
        return _reduced_list(key, [_reduced("", item) for item in cast("list[Any]", value)])
    return _size(value) if key in {"cpu", "memory"} else value


def _reduced_list(key: str, items: list[Any]) -> list[Any]:
    by = SETS_BY_KEY.get(key)
    if by is not None:
        return sorted(items, key=lambda item: str(item.get(by)))
    return sorted(items, key=str) if key in PLAIN_SETS else items


def _reduced_mapping(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    reduced = {key: _reduced(key, item) for key, item in value.items()}
    if "containerPort" in value and value.get("hostPort") == value["containerPort"]:
        reduced.pop("hostPort")  # awsvpc: AWS repeats the container port
    defaults = HEALTH_CHECK_DEFAULTS if name == "healthCheck" else DEFAULTS
    return {key: item for key, item in reduced.items() if not _is_default(defaults, key, item)}


def _size(value: Any) -> str:  # noqa: ANN401 - a number or a text, as AWS takes both
    """Return a size as AWS keeps it: `.25 vCPU` is 256, `1 GB` is 1024."""
    match = SIZE.fullmatch(str(value).strip())
    return str(round(float(match[1]) * SIZES[match[2].lower()])) if match else str(value)


def _is_default(defaults: Mapping[str, Any], key: str, value: Any) -> bool:  # noqa: ANN401 - JSON of any shape
    if value is None or value in ([], {}, ""):
        return True
    return key in defaults and str(defaults[key]) == str(value)
