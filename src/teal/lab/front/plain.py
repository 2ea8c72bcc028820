"""The three kinds of a plain value, for values of which only the service's model knows the type."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard


def is_map(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Say whether the value has members: a structure, a map, a JSON object. Only a dict has, as for botocore."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[Sequence[Any]]:
    """Say whether the value has elements. A text has none."""
    return isinstance(value, list | tuple)
