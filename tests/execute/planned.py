"""Runs of a planner, and of a person who is asked for leave, that say what a test wants."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from execute.scripted import Lock
from region import Stage
from teal.execute.executor import Executor
from teal.execute.laws import LAWS, Laws
from teal.model.decision import Decision, Finished, Steps
from teal.model.event import Event, RunEnded
from teal.model.identity import Slot
from teal.model.run import Intent, Run, TurnBack
from teal.model.snapshot import Snapshot
from teal.model.spec import Spec
from teal.model.step import DeleteRoute, Hold, Step, TagMove, WriteRoute
from teal.model.tags import MoveTag
from teal.model.tags import Stage as At

PAST = Hold(slot=Slot.B, percent=100, lasts_s=0.0, until_s=0.0)
DONE = TagMove(tag=MoveTag(id="d5", origin=Slot.A, to=Slot.B, stage=At.DONE, entered_at_s=1_900_000_000))
PREPARED = TagMove(tag=replace(DONE.tag, stage=At.PREPARE))
TO_A = WriteRoute(index=0, route="one", shares=((Slot.A, 100),))
TO_B = WriteRoute(index=0, route="one", shares=((Slot.B, 100),))
GONE = DeleteRoute(index=0, route="one")
END = Finished(message="nothing to do")


@dataclass(slots=True)
class Planner:
    """Decides what it is told, in turn; the last for ever."""

    decisions: Sequence[Decision]
    asked_s: list[float] = field(default_factory=list[float])  # when the looks were taken that it decided upon
    runs: list[Run] = field(default_factory=list[Run])  # what was known then
    meanwhile: Callable[[], object] = lambda: None  # what happens while it decides

    def __call__(self, intent: Intent, spec: Spec, snapshot: Snapshot, run: Run, now_s: float) -> Decision:
        """Decide."""
        assert isinstance(intent, Intent)
        assert len(spec.routes) == len(snapshot.routes)
        assert now_s >= run.started_at_s
        self.meanwhile()
        self.asked_s.append(snapshot.taken_at_s)
        self.runs.append(run)
        return self.decisions[min(len(self.asked_s), len(self.decisions)) - 1]


@dataclass(slots=True)
class Leave:
    """A person who is asked for leave, and takes their time."""

    play: Stage
    answer: bool = True
    takes_s: float = 0.0
    asked: list[Decision] = field(default_factory=list[Decision])

    def __call__(self, decision: Decision, snapshot: Snapshot) -> bool:
        """Answer."""
        assert snapshot.taken_at_s <= self.play.region.now_s
        self.asked.append(decision)
        self.play.region.now_s += self.takes_s
        return self.answer


def plan(*steps: Step, ends: str = "done", settles: bool = False) -> Steps:
    """Return a plan."""
    return Steps(steps=steps, ends=ends, settles=settles)


def played(  # noqa: PLR0913 - what a run is made of
    play: Stage,
    intent: Intent,
    decisions: Sequence[Decision],
    *,
    leave: Leave | None = None,
    lock: Lock | None = None,
    knows: TurnBack | None = None,
    planner: Planner | None = None,
    laws: Laws = LAWS,
) -> list[Event]:
    """Play a command whose decisions are told, and return what happened."""
    lenient = replace(laws, plan=planner or Planner(decisions), broken=lambda *_, **__: "", seen=lambda *_: True)
    executor = Executor(
        spec=play.spec,
        ports=replace(play.ports(), lock=lock),
        intent=intent,
        run=Run(id="d9", secrets={}, started_at_s=play.region.now_s, turn_back=knows),
        command="any",
        approve=leave or Leave(play),
        laws=lenient,
    )
    return list(executor.events())


def end_of(events: list[Event]) -> RunEnded:
    """Return how a run ended."""
    last = events[-1]
    assert isinstance(last, RunEnded)
    return last
