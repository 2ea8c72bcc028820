"""An answer of AWS, read field by field, with distrust.

botocore turns a garbled body with status 200 into an empty result without an error. So an answer is not believed
because it parses: a field that must be there and is not, or is of another type, makes the answer *unknown*, with the
name of the operation and of the field; it never means "there is nothing". Every text read here is made harmless.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, TypeVar, cast

from teal.errors import UnknownAnswerError
from teal.model.text import clean

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fields:
    """One structure of an answer.

    Args:
        data: the structure as botocore returns it.
        operation: who answered, e.g. `elbv2:DescribeRules`.
        path: where in the answer the structure stands, e.g. `Rules[].`.
    """

    data: Mapping[str, Any]
    operation: str
    path: str = ""

    def has(self, name: str) -> bool:
        """Say whether a field is there with a value."""
        return self.data.get(name) is not None

    def text(self, name: str) -> str:
        """Return a text that must be there."""
        return clean(self._must(name, str))

    def text_or(self, name: str, default: str = "") -> str:
        """Return a text, or `default` where there is none."""
        return self.text(name) if self.has(name) else default

    def whole(self, name: str) -> int:
        """Return a whole number that must be there."""
        return self._must(name, int)

    def whole_or(self, name: str, default: int) -> int:
        """Return a whole number, or `default` where there is none."""
        return self.whole(name) if self.has(name) else default

    def flag(self, name: str) -> bool:
        """Return a truth value; absent means false."""
        return self.has(name) and self._must(name, bool)

    def instant_s(self, name: str) -> float:
        """Return an instant in unix seconds, or 0.0 where there is none."""
        if not self.has(name):
            return 0.0
        value = self.data[name]
        if isinstance(value, datetime):
            return value.timestamp()
        return float(value) if isinstance(value, int | float) else self._unknown(name)

    def part(self, name: str) -> "Fields":
        """Return an inner structure that must be there."""
        return Fields(self._mapping(name, self.data.get(name)), self.operation, f"{self.path}{name}.")

    def part_or_empty(self, name: str) -> "Fields":
        """Return an inner structure, or one without fields."""
        return self.part(name) if self.has(name) else Fields({}, self.operation, f"{self.path}{name}.")

    def parts(self, name: str) -> tuple["Fields", ...]:
        """Return a list of structures that must be there; it may be empty."""
        path = f"{self.path}{name}[]."
        items = self._must_list(name)
        return tuple(Fields(self._mapping(name, item), self.operation, path) for item in items)

    def parts_or_none(self, name: str) -> tuple["Fields", ...]:
        """Return a list of structures; absent means empty."""
        return self.parts(name) if self.has(name) else ()

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts that must be there; it may be empty."""
        items = self._must_list(name)
        return tuple(clean(item) if isinstance(item, str) else self._unknown(name) for item in items)

    def texts_or_none(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; absent means empty."""
        return self.texts(name) if self.has(name) else ()

    def unknown(self, message: str) -> UnknownAnswerError:
        """Return the error that says why this answer cannot be believed."""
        return UnknownAnswerError(
            message,
            code="UnknownAnswer",
            operation=self.operation,
            hint="AWS, or something between, answered incompletely; run the same command again",
        )

    def _must(self, name: str, kind: type[T]) -> T:
        value = self.data.get(name)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            return self._unknown(name)
        return value

    def _must_list(self, name: str) -> list[Any]:
        value = self.data.get(name)
        # What the items are is checked by whoever reads them.
        return value if isinstance(value, list) else self._unknown(name)  # pyright: ignore[reportUnknownVariableType]

    def _mapping(self, name: str, value: object) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", value) if isinstance(value, dict) else self._unknown(name)

    def _unknown(self, name: str) -> NoReturn:
        said = "is not what it must be" if self.has(name) else "is missing"
        raise self.unknown(f"the answer cannot be believed: {self.path}{name} {said}")
