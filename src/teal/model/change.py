"""What somebody else changed, field by field."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field of one thing, as it was read and as it is now."""

    where: str  # `shop:443 rule 20`, `service shop-web-b`
    field: str
    before: str
    after: str
    route: int | None = None  # the index of the route, of a change of one
    adoptable: bool = False  # nothing that teal decides: `--adopt` takes it as it is

    def __str__(self) -> str:
        return f"{self.where}: {self.field}: {self.before} → {self.after}"
