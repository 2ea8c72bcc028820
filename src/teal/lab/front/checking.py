"""What AWS refuses before it looks at its state: a request that its own model does not allow.

AWS's server checks every member against the model: known, of the right type, required, in the set of an enum, within
its bounds. Clients check less and some check nothing, so the lab must. The sentences are those of AWS's server.
Patterns are left to the world: they are written for another regular expression engine.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from teal.lab.front.models import Ref, Service, Shape
from teal.lab.front.plain import is_list, is_map
from teal.lab.world.wires import AwsRefusal

_MOST_FAULTS = 10
_CODES = {
    "application-autoscaling": "ValidationException",
    "ec2": "InvalidParameterValue",
    "ecs": "InvalidParameterException",
    "elbv2": "ValidationError",
    "logs": "InvalidParameterException",
    "sts": "ValidationError",
}
_SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (datetime,),
    "blob": (bytes,),
}
_Tell = Callable[[str], None]


def check(service: Service, ref: Ref | None, params: Mapping[str, Any]) -> None:
    """Refuse parameters that the model of the service does not allow.

    Args:
        service: the model.
        ref: the input of the operation, None when it takes none.
        params: the parameters, in botocore's Python shape.

    Raises:
        AwsRefusal: AWS's code for the service, and every fault found (at most ten).
    """
    faults: list[str] = []
    if ref is None:
        faults += [f"Unknown parameter '{name}'" for name in params]
    else:
        _Walk(service, faults.append).value(ref, params, "")
    if faults:
        raise AwsRefusal(_CODES.get(service.name, "ValidationException"), _sentence(faults))


def _sentence(faults: Sequence[str]) -> str:
    told = faults[:_MOST_FAULTS]
    errors = "error" if len(faults) == 1 else "errors"
    return f"{len(faults)} validation {errors} detected: {'; '.join(told)}"


class _Walk:
    """One pass over a value, guided by its shape."""

    def __init__(self, service: Service, tell: _Tell) -> None:
        self._service = service
        self._tell = tell

    def value(self, ref: Ref, value: object, path: str) -> None:
        shape = self._service.shape(ref)
        if shape.document:
            return
        match shape.type:
            case "structure":
                self._structure(shape, value, path)
            case "list":
                self._list(shape, value, path)
            case "map":
                self._map(shape, value, path)
            case _:
                self._scalar(shape, value, path)

    def _structure(self, shape: Shape, value: object, path: str) -> None:
        if not is_map(value):
            self._mistyped(value, path, "a structure")
            return
        for name in shape.required:
            if value.get(name) is None:
                self._tell(_fault("null", _join(path, name), "Member must not be null"))
        for name, inner in value.items():
            if name in shape.members:
                self.value(shape.members[name], inner, _join(path, name))
            else:
                self._tell(f"Unknown parameter '{_join(path, name)}'")

    def _list(self, shape: Shape, value: object, path: str) -> None:
        if not is_list(value) or shape.member is None:
            self._mistyped(value, path, "a list")
            return
        self._bounds(shape, len(value), path, "have length")
        for index, element in enumerate(value, 1):
            self.value(shape.member, element, f"{path}.{index}.member")

    def _map(self, shape: Shape, value: object, path: str) -> None:
        if not is_map(value) or shape.key is None or shape.value is None:
            self._mistyped(value, path, "a map")
            return
        for key, inner in value.items():
            self.value(shape.key, key, f"{path}.key")
            self.value(shape.value, inner, f"{path}.{key}")

    def _scalar(self, shape: Shape, value: object, path: str) -> None:
        kinds = _SCALARS[shape.type]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            self._mistyped(value, path, f"of type {shape.type}")
        elif shape.enum and value not in shape.enum:
            self._tell(_fault(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"))
        elif isinstance(value, str | bytes):
            self._bounds(shape, len(value), path, "have length")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self._bounds(shape, value, path, "have value")

    def _bounds(self, shape: Shape, size: float, path: str, what: str) -> None:
        if shape.at_least is not None and size < shape.at_least:
            self._tell(_fault(size, path, f"Member must {what} greater than or equal to {shape.at_least}"))
        if shape.at_most is not None and size > shape.at_most:
            self._tell(_fault(size, path, f"Member must {what} less than or equal to {shape.at_most}"))

    def _mistyped(self, value: object, path: str, wanted: str) -> None:
        self._tell(_fault(str(value)[:100], path, f"Member must be {wanted}"))


def _fault(value: object, path: str, constraint: str) -> str:
    return f"Value '{value}' at '{path or 'input'}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    """Return the path of a member as AWS writes it, each name beginning with a small letter."""
    small = name[:1].lower() + name[1:]
    return f"{path}.{small}" if path else small
