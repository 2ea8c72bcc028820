"""The two tags that carry the state of a move.

`teal:move = <id>.<from>.<to>.<stage>.<t>` stands on every route's rule, `teal:deployment = <id>.<rev>[.served|.back]`
on the service of each slot. AWS allows letters, digits, spaces and `_.:/=+-@` in a tag value, hence the dots.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from teal.model.identity import Slot

MOVE = "teal:move"
DEPLOYMENT = "teal:deployment"
BEFORE = "teal:before"
VERDICT = "teal:verdict"
SEQ = "teal:seq"
APP = "teal:app"
SLOT = "teal:slot"
ADOPTED_ID = "adopted"


class Stage(StrEnum):
    """Where a move stands."""

    PREPARE = "prepare"
    HELD = "held"
    SHIFT = "shift"
    DONE = "done"
    BACK = "back"


class Outcome(StrEnum):
    """How a deployment ended; bare means that it has not."""

    BARE = ""
    SERVED = "served"
    BACK = "back"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveTag:
    """A move of traffic `origin` → `to`. `origin` is None in a first deployment."""

    id: str
    origin: Slot | None
    to: Slot
    stage: Stage
    entered_at_s: int  # unix seconds; in `shift` of the latest weight

    def __str__(self) -> str:
        return f"{self.id}.{self.origin or 'none'}.{self.to}.{self.stage}.{self.entered_at_s}"

    def entering(self, stage: Stage, now_s: float) -> "MoveTag":
        """Return the tag of this move entering `stage` now."""
        return replace(self, stage=stage, entered_at_s=int(now_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentTag:
    """What a slot holds or shall hold: revision `revision` of the configured family, for deployment `id`."""

    id: str
    revision: int
    outcome: Outcome = Outcome.BARE

    def __str__(self) -> str:
        return f"{self.id}.{self.revision}" + (f".{self.outcome}" if self.outcome else "")

    def ended(self, outcome: Outcome) -> "DeploymentTag":
        """Return the tag with `outcome`."""
        return replace(self, outcome=outcome)


@lru_cache(maxsize=256)  # every look asks for the same few values many times
def parse_move(text: str | None) -> MoveTag | None:
    """Return the move that a tag value says, or None where there is no well-formed value."""
    parts = (text or "").split(".")
    if len(parts) != 5 or not parts[0] or not parts[4].isdecimal():  # noqa: PLR2004 - the five parts of the tag
        return None
    identity, origin, to, stage, entered = parts
    if origin not in ("a", "b", "none") or to not in ("a", "b") or origin == to or stage not in tuple(Stage):
        return None
    return MoveTag(
        id=identity,
        origin=None if origin == "none" else Slot(origin),
        to=Slot(to),
        stage=Stage(stage),
        entered_at_s=int(entered),
    )


@lru_cache(maxsize=256)
def parse_deployment(text: str | None) -> DeploymentTag | None:
    """Return the deployment that a tag value says, or None where there is no well-formed value."""
    identity, _, rest = (text or "").partition(".")
    revision, _, outcome = rest.partition(".")
    if not identity or not revision.isdecimal() or outcome not in tuple(Outcome):
        return None
    if rest.endswith("."):
        return None
    return DeploymentTag(id=identity, revision=int(revision), outcome=Outcome(outcome))
