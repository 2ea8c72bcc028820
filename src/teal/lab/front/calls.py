"""One API call, from checked parameters to its outcome, and what game day makes of it on the way."""

from collections.abc import Callable, Mapping
from threading import Event, Lock
from typing import Protocol

from teal.lab.faults.calls import Fate, is_read
from teal.lab.front.answering import Answerer, perform
from teal.lab.front.models import Operation, Service
from teal.lab.world.wires import AwsRefusal
from teal.model.text import clean

_LONGEST_CALLER = 120
Params = Mapping[str, object]
Result = Mapping[str, object]


class Mischief(Protocol):
    """What game day decides about calls. Asked under the lab's lock."""

    def fate(self, service: str, operation: str, now_s: float) -> Fate:
        """Return what becomes of a call that is about to be made."""
        ...

    def past(self, service: str, fate: Fate, now_s: float) -> tuple[Answerer, float] | None:
        """Return the world that a read sees, and its instant; None for the present."""
        ...

    def note(self, call: str, caller: str, refusal: AwsRefusal | None, now_s: float) -> None:
        """Write a call that changes something into the story."""
        ...


class AnswerSpoiltError(Exception):
    """The call was made, and its answer does not arrive as it was given."""

    def __init__(self, *, lost: bool) -> None:
        super().__init__("the answer is lost" if lost else "the answer is garbled")
        self.lost = lost


class Calls:
    """Makes calls, one at a time.

    Args:
        world: who answers.
        lock: held while the world is asked.
        clock: the wall clock, unix seconds.
        wake: called after each call that the world answered.
        mischief: None where nothing goes wrong on purpose.
    """

    def __init__(
        self,
        *,
        world: Answerer,
        lock: Lock,
        clock: Callable[[], float],
        wake: Callable[[], None],
        mischief: Mischief | None,
    ) -> None:
        self._world = world
        self._lock = lock
        self._clock = clock
        self._wake = wake
        self._mischief = mischief

    def make(self, service: Service, operation: Operation, params: Params, agent: str) -> Result:
        """Make a call and return its result.

        Args:
            service: its model.
            operation: likewise.
            params: as the model has them.
            agent: the `User-Agent` of the client.

        Raises:
            AwsRefusal: what AWS would answer instead.
            AnswerSpoiltError: the client shall get no answer, or garbage.
        """
        with self._lock:
            now_s = self._clock()
            fate = Fate() if self._mischief is None else self._mischief.fate(service.name, operation.name, now_s)
            outcome = self._outcome(service, operation, params, fate, now_s)
            if self._mischief is not None and not is_read(operation.name):
                refusal = outcome if isinstance(outcome, AwsRefusal) else None
                self._mischief.note(f"{service.name} {operation.name}", caller_of(agent), refusal, now_s)
        if not isinstance(outcome, AwsRefusal):
            self._wake()
        Event().wait(fate.delay_s)
        if fate.lost or fate.garbled:
            raise AnswerSpoiltError(lost=fate.lost)
        if isinstance(outcome, AwsRefusal):
            raise outcome
        return outcome

    def _outcome(
        self, service: Service, operation: Operation, params: Params, fate: Fate, now_s: float
    ) -> Result | AwsRefusal:
        if fate.refused is not None:
            return fate.refused
        reads = self._mischief is not None and is_read(operation.name)
        past = self._mischief.past(service.name, fate, now_s) if self._mischief is not None and reads else None
        world, at_s = (self._world, now_s) if past is None else past
        try:
            return perform(world, service, operation, params, at_s)
        except AwsRefusal as refusal:
            return refusal


def caller_of(agent: str) -> str:
    """Return who calls, from a `User-Agent`: its first word, and teal's own where it has one."""
    words = clean(agent).split()
    told = dict.fromkeys([*words[:1], *(word for word in words if word.startswith("teal/"))])
    return " ".join(told)[:_LONGEST_CALLER] or "an unnamed client"
