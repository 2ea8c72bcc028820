"""One run of one command: what was asked, and what this run alone knows.

Where things stand is read from AWS. A run remembers only what AWS cannot tell: since when green has been healthy, which
gates it has passed, what it has written lately, and the latched verdict to go back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from teal.model.identity import Slot
from teal.model.spec import Rung
from teal.model.tags import MoveTag


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    """Make the configured content serve."""

    hold: bool = False  # stop after the taste; `flip` goes on
    replace: bool = False  # take the place of a held newcomer
    again: bool = False  # deploy content that was rolled back before
    restart: bool = False  # deploy equal content anew
    seq: int | None = None  # the number of this deployment, growing
    allow_older: bool = False  # although what serves has a higher number
    adopt: bool = False  # go on when somebody else changes what teal only keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """Go on to the end with the deployment that is under way or held."""

    again: bool = False  # taste and flip what was rolled back
    adopt: bool = False  # go on when somebody else changes what teal only keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """Send production to `from`."""

    to_slot: Slot | None = None  # names the way back where the tags cannot
    force: bool = False  # although blue is seen to have no healthy target


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """End the move under way; production goes to `from`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retire:
    """Scale the idle slot to 0."""

    if_due: bool = False  # only when `keep_warm` is over


Intent = Deploy | Flip | Rollback | Abort | Retire


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnBack:
    """The latched verdict to go back.

    `judged` says that the content was found bad, so that its revision is marked; `failed` that it never became whole,
    so that its slot is put back to what it held; `pause` that a signal asks for a safe, resumable stop.
    """

    reason: str
    judged: bool = True
    failed: bool = False
    pause: bool = False
    exit_code: int = 4  # of `deploy` and `flip`; 2 where AWS refused what the configuration asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """That complete looks were equal, in what a decision to destroy rests on, from one instant to another."""

    basis: object
    since_s: float
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The weights of all routes, the move that was on record with them, and since when, at the latest, they stand."""

    shares: object
    move: MoveTag | None
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What this run alone knows. Replaced, never changed."""

    id: str  # the deployment id that this run takes if it begins one
    secrets: Mapping[Slot, str]  # taste secrets that this run uses if it makes taste rules
    started_at_s: float
    lock_wait_s: float = 0.0  # how long to wait for a lock that somebody else holds
    turn_back: TurnBack | None = None
    whole_since_s: float | None = None  # green whole and healthy, without a gap, since
    passed: frozenset[str] = frozenset()  # `identity`, `gate:0` …, `probed`, of the deployment in hand
    registered: int | None = None  # the revision this run registered
    own_move: MoveTag | None = None  # the last move tag this run wrote
    announced_percent: int | None = None  # the share that tag announced, until it is written on all routes
    failed_writes: Mapping[int, int] = field(default_factory=dict[int, int])  # route index → attempts that failed
    raised_from: int | None = None  # how many tasks green wanted before this run gave it more while it had weight
    foreign: frozenset[int] = frozenset()  # routes that somebody else changed during this run: not written any more
    weights: Weights | None = None  # since when the weights stand as they do: what holds count from
    still: Still | None = None  # since when nothing has changed that a decision to destroy rests on
    emptied: tuple[Slot, int] | None = None  # the slot that this run set out to retire, and how many tasks it wanted
    rung: Rung | None = None  # how the effect was seen
    went_back: MoveTag | None = None  # the move on record when this run first sent production back, or decided to
    notes: tuple[str, ...] = ()
