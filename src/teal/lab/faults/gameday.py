"""Game day: the faults at work, and what they decide now. Whoever asks holds the lab's lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, assert_never

from teal.errors import LabError
from teal.lab.faults.calls import CallFault, Fate, fate_of, is_read
from teal.lab.faults.edits import EDITS, Hand
from teal.lab.faults.kinds import (
    Edit,
    FailHealth,
    FailRequests,
    Fault,
    FreezeTask,
    KillTask,
    SlowRequests,
    StaleReads,
    as_plain,
    sentence,
)
from teal.lab.faults.past import Copyable, Past
from teal.lab.faults.plane import PlaneFault, afflicted
from teal.lab.faults.strikes import Strike, Striker
from teal.lab.world.ground import Answer, Params
from teal.lab.world.wires import AwsRefusal, DataPlane, WantedTask

_MOST_FAULTS = 100
_EDIT_RETRY_S = 1.0


class World(Copyable, Protocol):
    """What game day asks of the world."""

    def tell(self, at_s: float, source: str, subject: str, message: str) -> None:
        """Append one line to the story."""
        ...


@dataclass(slots=True, kw_only=True)
class Editor:
    """Somebody else at work. It waits until there is something to change."""

    fault: Edit
    seed: int
    next_at_s: float
    count: int = 0

    @property
    def done(self) -> bool:
        """Say whether nothing more will come of it."""
        return self.fault.every_s is None and self.count > 0


Work = CallFault | Striker | PlaneFault | Editor


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A fault at work."""

    number: int
    seed: int
    began_at_s: float
    ends_at_s: float | None
    work: Work

    @property
    def hits(self) -> int | None:
        """Return how often it has hit; None where only the load balancer could know."""
        match self.work:
            case CallFault():
                return self.work.hit
            case Striker() | Editor():
                return self.work.count
            case PlaneFault():
                return None
            case _:
                assert_never(self.work)

    @property
    def done(self) -> bool:
        """Say whether it has done all it will do."""
        return isinstance(self.work, Striker | Editor) and self.work.done

    @property
    def label(self) -> str:
        """Name it in the story."""
        return f"fault {self.number}"

    def view(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "number": self.number,
            **as_plain(self.work.fault),
            "seed": self.seed,
            "began_at_s": self.began_at_s,
            "ends_at_s": self.ends_at_s,
            "hits": self.hits,
        }


class GameDay:
    """The faults of one lab.

    Args:
        world: the region.
        seed: what seeds are made of where none is given.
        standing: faults that are at work from the start, and that only their number ends.
        now_s: when that is.
    """

    def __init__(self, *, world: World, seed: int, standing: Sequence[Fault] = (), now_s: float = 0.0) -> None:
        self._world = world
        self._seed = seed
        self._placed: dict[int, Placed] = {}
        self._number = 0
        self._past = Past()
        self._thaws: list[Strike] = []
        self._standing = frozenset(self.place(fault, now_s).number for fault in standing)

    def place(self, fault: Fault, now_s: float, *, seed: int | None = None, for_s: float | None = None) -> Placed:
        """Let a fault begin; it ends by itself after `for_s`, when it has done its work, or with `mend`.

        Raises:
            LabError: there are too many.
        """
        if len(self._placed) >= _MOST_FAULTS:
            raise LabError(f"there are {_MOST_FAULTS} faults already", hint="`teal lab mend` ends them")
        self._number += 1
        seed = self._seed + self._number if seed is None else seed
        placed = Placed(
            number=self._number,
            seed=seed,
            began_at_s=now_s,
            ends_at_s=None if for_s is None else now_s + for_s,
            work=_work(fault, seed, now_s),
        )
        self._placed[placed.number] = placed
        self._tell(placed, f"begins: {sentence(fault)} (seed {seed})", now_s)
        self._remember(now_s)
        return placed

    def mend(self, numbers: Sequence[int], now_s: float) -> tuple[Placed, ...]:
        """End some faults, or all but standing ones where none is named; return those that were at work."""
        wanted = numbers or tuple(number for number in self._placed if number not in self._standing)
        found = tuple(self._placed[number] for number in wanted if number in self._placed)
        for each in found:
            self._end(each, now_s)
        return found

    def forget(self, now_s: float) -> None:
        """End all but standing faults, and forget what the region was: it is another one now."""
        self.mend((), now_s)
        self._past.forget()

    def faults(self) -> tuple[Placed, ...]:
        """Return the faults at work, oldest first."""
        return tuple(self._placed.values())

    def _end(self, placed: Placed, now_s: float) -> None:
        del self._placed[placed.number]
        if isinstance(placed.work, Striker) and (thaw := placed.work.end()) is not None:
            self._thaws.append(thaw)
        if not self._stale():
            self._past.forget()
        hits = "" if placed.hits is None else f" after {placed.hits} hits"
        self._tell(placed, f"ends{hits}", now_s)

    def advance(self, now_s: float) -> None:
        """Let time pass: end what is over, make the edits that are due, remember the present for stale reads."""
        for each in self.faults():
            if each.done or (each.ends_at_s is not None and now_s >= each.ends_at_s):
                self._end(each, now_s)
            elif isinstance(each.work, Editor) and now_s >= each.work.next_at_s:
                self._edit(each, each.work, now_s)
        self._remember(now_s)

    def _edit(self, placed: Placed, editor: Editor, now_s: float) -> None:
        """Make one edit; when there is nothing to change, or AWS refuses, try again a little later."""

        def call(service: str, operation: str, params: Params) -> Answer:
            return self._world.call(service, operation, params, now_s)

        hand = Hand(call=call, edit=editor.fault, seed=editor.seed, count=editor.count)
        try:
            told = EDITS[editor.fault.what](hand)
        except AwsRefusal as refusal:
            told = None
            self._tell(placed, f"was refused: {refusal}", now_s)
        except Exception as error:  # noqa: BLE001 - a fault that breaks must not keep the lab from going on
            told = f"nothing, {type(error).__name__}: {error}"
        if told is None:
            editor.next_at_s = now_s + _EDIT_RETRY_S
            return
        editor.count += 1
        editor.next_at_s = now_s + (editor.fault.every_s or 0.0)
        self._tell(placed, f"somebody else: {told}", now_s)

    def strikes(self, running: Sequence[WantedTask], now_s: float) -> tuple[Strike, ...]:
        """Return the blows that are due at running tasks."""
        due, self._thaws = self._thaws, []
        for each in self.faults():
            strike = each.work.strike(running, now_s) if isinstance(each.work, Striker) else None
            if strike is not None:
                due.append(strike)
                self._tell(each, f"{strike.blow}s task {strike.task_id} of {strike.group}", now_s)
        return tuple(due)

    def afflicted(self, plane: DataPlane, tasks: Sequence[WantedTask]) -> DataPlane:
        """Return the plane as the load balancer shall play it."""
        return afflicted(plane, [each.work for each in self.faults() if isinstance(each.work, PlaneFault)], tasks)

    def fate(self, service: str, operation: str, now_s: float) -> Fate:
        """Return what becomes of a call that is about to be made."""
        before = {number: placed.hits for number, placed in self._placed.items()}
        fate = fate_of(
            [one.work for one in self.faults() if isinstance(one.work, CallFault)], service, operation, now_s
        )
        for each in self.faults():
            if each.hits != before[each.number]:
                self._tell(each, f"hits {service} {operation}", now_s)
        if not is_read(operation):
            self._remember(now_s, before_write=True)
        return fate

    def past(self, service: str, fate: Fate, now_s: float) -> tuple[Copyable, float] | None:
        """Return the region that a read with this fate sees, and its instant; None for the present."""
        if not self._stale():
            return None
        if fate.age_s <= 0.0:
            self._past.shown_now(service, now_s)
            return None
        return self._past.as_of(service, now_s - fate.age_s, now_s, backwards=fate.backwards)

    def note(self, call: str, caller: str, refusal: AwsRefusal | None, now_s: float) -> None:
        """Write a call that changes something into the story."""
        outcome = "" if refusal is None else f"refused, {refusal.code}, "
        self._world.tell(now_s, "api", call, f"{outcome}by {caller}")

    def _stale(self) -> float:
        """Return the oldest age that a read may be asked to show, 0 when all reads are fresh."""
        faults = [each.work.fault for each in self.faults()]
        return max((fault.age_s for fault in faults if isinstance(fault, StaleReads)), default=0.0)

    def _remember(self, now_s: float, *, before_write: bool = False) -> None:
        age_s = self._stale()
        if age_s:
            self._past.remember(self._world, age_s, now_s, before_write=before_write)

    def _tell(self, placed: Placed, message: str, now_s: float) -> None:
        self._world.tell(now_s, "fault", placed.label, message)


def _work(fault: Fault, seed: int, now_s: float) -> Work:
    match fault:
        case KillTask() | FreezeTask():
            return Striker(fault=fault, seed=seed, next_at_s=now_s)
        case FailHealth() | SlowRequests() | FailRequests():
            return PlaneFault(fault=fault, seed=seed)
        case Edit():
            return Editor(fault=fault, seed=seed, next_at_s=now_s)
        case _:
            return CallFault(fault=fault, seed=seed)
