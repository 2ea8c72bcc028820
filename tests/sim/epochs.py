"""What must hold where the app has a lock: who writes is named in its record, and a way back has the last word.

The record names who may write and who may still have a write under way. So whatever arrives at AWS under a lease was
sent by somebody whom the record names at that instant: that is what stealing waits for. A rollback needs no lease; when
it ends well, whoever it pre-empted has nothing left under way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.checkers import Watcher
from sim.lock import Shelf
from sim.weights import forward_shares, slot_of, slots_with_weight
from teal.model.event import RunEnded
from teal.model.run import Abort, Intent, Rollback


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Under what a write was sent."""

    name: str
    epoch: int | None  # None: never held the lock
    excused: bool  # a way back: it needs no lease
    late: bool = False  # it arrives when nobody waits for it any more


@dataclass(slots=True)
class Epochs:
    """Watches the lock of one app."""

    shelf: Shelf
    watcher: Watcher
    went_back_to: dict[str, str] = field(default_factory=dict[str, str])  # by name of a process: the slot it wrote last
    settled: int = 0  # the epoch of the last way back that ended well

    def landed(self, sender: Sender, operation: str, params: Mapping[str, Any]) -> None:
        """Judge a write that AWS did."""
        routing = operation == "ModifyRule" and params["RuleArn"] in self.watcher.rule_of
        shares = forward_shares(params["Actions"]) if routing else ()
        if sender.excused:
            slots = {slot_of(arn) for arn, weight in shares if weight}
            if len(slots) == 1:
                self.went_back_to[sender.name] = slots.pop()
            return
        if not sender.late and (sender.epoch is None or sender.epoch not in self.shelf.writers):
            self.watcher.breaks(
                "nobody writes whom the lock does not name",
                f"{sender.name} of epoch {sender.epoch} does {operation}; named are {sorted(self.shelf.writers)}",
            )
        if shares and sender.epoch is not None and sender.epoch < self.settled:
            self.watcher.breaks(
                "a way back has the last word",
                f"{sender.name} of epoch {sender.epoch} does {operation}, after that of epoch {self.settled} has ended",
            )

    def begins(self, name: str) -> None:
        """Take note that a run begins."""
        self.went_back_to.pop(name, None)

    def ends(self, sender: Sender, intent: Intent, ended: RunEnded | None) -> None:
        """Judge the end of a way back."""
        well = ended is not None and ended.exit_code == 0 and isinstance(intent, Rollback | Abort)
        slot = self.went_back_to.get(sender.name)
        if not well or sender.epoch is None or slot is None:
            return
        self.settled = max(self.settled, sender.epoch)
        kept = {host: shares for host, shares in self.watcher.api.items() if host not in self.watcher.foreign}
        if not slots_with_weight(kept) <= {slot}:
            self.watcher.breaks("a way back has the last word", f"{sender.name} went back to slot {slot}, yet {kept}")
