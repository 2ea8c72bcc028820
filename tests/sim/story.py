"""Everything that happened, in one order: kept only when somebody will read it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.weights import forward_shares, slot_of
from teal.model.event import Event, StepBegan, StepEnded, StepFailed, Waited


@dataclass(slots=True)
class Story:
    """Lines with their instants; of a story that is not `kept` only what broke is remembered."""

    kept: bool
    begins_at_s: float = 0.0
    lines: list[str] = field(default_factory=list[str])
    broken: list[str] = field(default_factory=list[str])
    counts: Counter[str] = field(default_factory=Counter[str])  # what was met, so that a reader sees what was tried

    def tell(self, at_s: float, who: str, what: str) -> None:
        """Take a line."""
        if self.kept:
            self.lines.append(f"{at_s - self.begins_at_s:9.2f}  {who:10} {what}")

    def count(self, what: str) -> None:
        """Count one more of a kind."""
        self.counts[what] += 1

    def breaks(self, at_s: float, rule: str, what: str) -> None:
        """Take what must not happen."""
        self.broken.append(f"{rule}: {what}, at {at_s - self.begins_at_s:.2f}")
        self.tell(at_s, "!!!", self.broken[-1])


def brief(operation: str, params: Mapping[str, Any]) -> str:
    """Return the parameters of a write as far as a reader of the story wants them."""
    match operation:
        case "ModifyRule":
            weights = ", ".join(f"{slot_of(arn)} {weight}" for arn, weight in forward_shares(params["Actions"]))
            return f"…{params['RuleArn'][-4:]}: {weights}"
        case "AddTags" | "TagResource":
            tags = params.get("Tags") or [{"Key": tag["key"], "Value": tag["value"]} for tag in params["tags"]]
            where = str(params.get("resourceArn", "")).rpartition("/")[2]
            return where + " " + ", ".join(f"{tag['Key']} = {tag['Value']}" for tag in tags)
        case "UpdateService":
            return repr({key: value for key, value in params.items() if key != "cluster"})
        case _:
            return ""


def spoken(event: Event) -> str:
    """Return an event as a line; empty where it is no news."""
    match event:
        case Waited() | StepEnded():
            return ""
        case StepBegan():
            return f"· {event.step.sentence()}"
        case StepFailed():
            return f"  failed, {event.follows}: {event.reason}"
        case _:
            left_out = {"at_s", "account", "region", "caller"}
            fields = [f"{name} {getattr(event, name)}" for name in event.__dataclass_fields__ if name not in left_out]
            return f"{type(event).__name__} {', '.join(fields)}"
