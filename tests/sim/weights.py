"""The weights of production, and for how long they have stood: by when AWS did the writes, whatever tags say of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.cloud import Shares
from teal.execute.locking import SKEW_LIMIT_S
from teal.plan.facts import CAPACITY_HOLD_S, WEIGHT_HOLD_S

CLOCK_OFF_S = 0.7  # by which the clock of the run that wrote a tag may have been behind that of the one that reads it


@dataclass(slots=True)
class Standing:
    """Since when weights stand."""

    changed_s: float = -1e9
    is_misdated: bool = False  # whether a tag ever was, by a clock that only a way back has to do with
    until_s: dict[str, float] = field(default_factory=dict[str, float])  # when a slot last had weight by teal

    def applied(self, before: Mapping[str, Shares], after: Mapping[str, Shares], now_s: float) -> None:
        """Take note of a write that was done."""
        if before != after:
            self.changed_s = now_s
        for slot in slots_with_weight(before) | slots_with_weight(after):
            self.until_s[slot] = now_s

    def tagged(self, operation: str, clock_off_s: float) -> None:
        """Take note of whether a tag was written by a clock so wrong that only a way back goes on with it."""
        self.is_misdated |= operation == "AddTags" and abs(clock_off_s) > SKEW_LIMIT_S

    def held_too_short(self, now_s: float) -> str:
        """Say for how long a weight was held, if it was too short."""
        stood_s = now_s - self.changed_s
        return f"{stood_s:.1f} s after the last weight" if stood_s < WEIGHT_HOLD_S - CLOCK_OFF_S else ""

    def rested_too_short(self, slot: str, now_s: float) -> str:
        """Say for how long a slot rested, if it was too short."""
        rested_s = now_s - self.until_s.get(slot, -1e9)
        return f"{rested_s:.1f} s after it had weight" if rested_s < CAPACITY_HOLD_S - CLOCK_OFF_S else ""


def slot_of(group_arn: str) -> str:
    """Return the slot of a target group; `-` for somebody else's."""
    name = group_arn.split("/")[1]
    return name[-1] if name in {"shop-a", "shop-b"} else "-"


def slots_with_weight(routes: Mapping[str, Shares]) -> set[str]:
    """Return the slots that have weight on some route."""
    return {slot_of(arn) for shares in routes.values() for arn, weight in shares if weight}


def fractions_of(shares: Shares) -> dict[str, float]:
    """Return the share of each group."""
    total = sum(weight for _, weight in shares) or 1
    return {arn: weight / total for arn, weight in shares}


def forward_shares(actions: Any) -> Shares:  # noqa: ANN401 - AWS's own shape
    """Return the weights of a forward action as it is sent."""
    last = actions[-1]
    groups = last.get("ForwardConfig", {}).get("TargetGroups") or [{"TargetGroupArn": last.get("TargetGroupArn", "")}]
    return tuple((group["TargetGroupArn"], group.get("Weight", 1)) for group in groups)


def hosts_written(operation: str, params: Mapping[str, Any], rule_of: Mapping[str, str]) -> set[str]:
    """Return the hosts whose routes a write makes, modifies or deletes, given the host of each rule by its ARN."""
    if operation in {"ModifyRule", "DeleteRule"}:
        return {rule_of.get(params["RuleArn"], "")}
    conditions = params.get("Conditions", ()) if operation == "CreateRule" else ()
    return {value for each in conditions for value in each.get("HostHeaderConfig", {}).get("Values", ())}


def lone_slot(routes: Mapping[str, Shares]) -> tuple[str, str]:
    """Return the slot that all routes forward to, or why there is none."""
    slots: set[str] = set()
    for host, shares in routes.items():
        weights = [(slot_of(arn), weight) for arn, weight in shares if weight]
        if len(weights) != 1:
            return "", f"{host} forwards to {weights}"
        slots.add(weights[0][0])
    if len(slots) != 1:
        return "", f"routes forward to slots {sorted(slots)}"
    slot = slots.pop()
    return slot, "routes forward elsewhere" if slot == "-" else ""
