"""Everything that happened, in one order: kept only when somebody will read it."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Story:
    """Lines with their instants; of a story that is not `kept` only what broke is remembered."""

    kept: bool
    begins_at_s: float = 0.0
    lines: list[str] = field(default_factory=list[str])
    broken: list[str] = field(default_factory=list[str])

    def tell(self, at_s: float, who: str, what: str) -> None:
        """Take a line."""
        if self.kept:
            self.lines.append(f"{at_s - self.begins_at_s:9.2f}  {who:10} {what}")

    def breaks(self, at_s: float, rule: str, what: str) -> None:
        """Take what must not happen."""
        self.broken.append(f"{rule}: {what}, at {at_s - self.begins_at_s:.2f}")
        self.tell(at_s, "!!!", self.broken[-1])
