"""What makes a run stop, or send production back: wishes, limits, a lost lock, and errors while traffic is split."""

from dataclasses import dataclass, replace

import pytest

from execute.scripted import ANNOUNCED, BAKING, DONE, SPLIT, STARTING, Lock, scripted
from plan.scenes import run, spec
from region_fakes import Story
from teal.errors import (
    BusyError,
    DeadlineError,
    DriftError,
    NeedsPersonError,
    StoppedError,
    TealError,
    TransientError,
)
from teal.execute.session import Session
from teal.model.event import TurnedBack
from teal.model.run import Abort, Deploy, Flip, Intent, Retire, Rollback, Run, TurnBack
from teal.model.snapshot import Snapshot
from teal.model.spec import OnStop
from teal.ports import Ports

OWN = ANNOUNCED.move
WHY = TurnBack(reason="sick")
BACK = run(turn_back=WHY)
LIMIT_S = 1000.0  # the clock of a scripted session begins here


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What a run is in the middle of when it looks whether to stop."""

    intent: Intent
    seen: Snapshot | None = None  # None: it has not looked yet
    knows: Run | None = None
    steps: int = 0
    limit_s: float | None = None
    watching: bool = False
    signal: int | None = None
    lost_to: str = ""
    leaving: bool = False
    locked: bool = True
    stays: bool = False

    def session(self, ports: Ports) -> Session:
        """Return the session at this moment."""
        lock = Lock(lost_to=self.lost_to, is_leaving=self.leaving)
        lock.clock.stop = self.signal
        configured = spec(2)
        if self.stays:
            configured = replace(configured, deploy=replace(configured.deploy, on_stop=OnStop.STAY))
        looks = [self.seen] if self.seen is not None else []
        session = scripted(ports, self.intent, *looks, knows=self.knows, lock=lock, configured=configured)
        if self.seen is not None:
            session.look()
        if not self.locked:
            session.ports = replace(session.ports, lock=None)
        session.deadline_s = self.limit_s
        session.step_number += self.steps
        session.watching |= self.watching
        return session


def outcome(session: Session) -> str:
    """Return how a run heeds what it is asked: nothing, going back with a code, or an error with its message."""
    try:
        stop = session.heed()
    except TealError as error:
        return f"{error.exit_code}: {error.message}"
    if stop is None:
        return ""
    why = session.run.turn_back
    assert why is not None
    assert (why.judged, why.pause) == (False, True), "nobody is judged, and the same command goes on"
    return f"back, then {why.exit_code}: {why.reason}"


HELD = "stopped by signal 15; nothing was left half done"
KEPT = "; the split stays as it is (deploy.on_stop: stay), and nobody watches it"
UNRENEWED = "the lock cannot be renewed, and without it nobody may watch a split"
MOMENTS: dict[str, tuple[Moment, str]] = {
    "nothing": (Moment(intent=Deploy(), seen=SPLIT), ""),
    "without a lock": (Moment(intent=Deploy(), seen=SPLIT, locked=False), ""),
    "in time": (Moment(intent=Deploy(), seen=SPLIT, limit_s=LIMIT_S), ""),
    "too late": (
        Moment(intent=Deploy(), seen=SPLIT, limit_s=LIMIT_S - 1),
        "124: the time limit is over; nothing was put back",
    ),
    "a way back too late": (
        Moment(intent=Rollback(), seen=SPLIT, limit_s=LIMIT_S - 1),
        "124: the time limit is over; what was written stays",
    ),
    "watching too late": (Moment(intent=Rollback(), seen=DONE, limit_s=LIMIT_S - 1, watching=True), ""),
    "too late to turn back": (Moment(intent=Deploy(), seen=SPLIT, knows=BACK, limit_s=LIMIT_S - 1), ""),
    "lock lost": (Moment(intent=Deploy(), lost_to="eve"), "6: the lock was lost to eve"),
    "lock lost while turning back": (
        Moment(intent=Deploy(), knows=BACK, lost_to="eve"),
        "6: the lock was lost to eve",
    ),
    "lock lost by a rollback": (Moment(intent=Rollback(), lost_to="eve"), ""),
    "not renewed, split": (Moment(intent=Deploy(), seen=SPLIT, leaving=True), f"back, then 6: {UNRENEWED}"),
    "not renewed, split to stay": (
        Moment(intent=Flip(), seen=SPLIT, leaving=True, stays=True),
        f"6: {UNRENEWED}{KEPT}",
    ),
    "not renewed, whole": (Moment(intent=Deploy(), seen=STARTING, leaving=True), ""),
    "not renewed by a rollback": (Moment(intent=Rollback(), seen=SPLIT, leaving=True), ""),
    "signal before the first look": (Moment(intent=Deploy(), signal=15), f"143: {HELD}"),
    "signal, whole": (Moment(intent=Deploy(), seen=STARTING, steps=5, signal=15), f"143: {HELD}"),
    "signal, baking": (Moment(intent=Flip(), seen=BAKING, steps=5, signal=15), f"143: {HELD}"),
    "signal, split": (Moment(intent=Deploy(), seen=SPLIT, signal=15), "back, then 143: stopped by signal 15"),
    "signal, split to stay": (
        Moment(intent=Deploy(), seen=SPLIT, signal=15, stays=True),
        f"143: stopped by signal 15{KEPT}",
    ),
    "signal, announced": (
        Moment(intent=Flip(), seen=ANNOUNCED, knows=run(own_move=OWN), signal=2, stays=True),
        "back, then 130: stopped by signal 2",
    ),
    "signal, announced by another": (Moment(intent=Deploy(), seen=ANNOUNCED, signal=15), f"143: {HELD}"),
    "signal while turning back": (Moment(intent=Deploy(), seen=SPLIT, knows=BACK, signal=15), ""),
    "signal while retiring": (Moment(intent=Retire(), seen=SPLIT, signal=15), f"143: {HELD}"),
    "signal before a rollback": (Moment(intent=Rollback(), seen=SPLIT, signal=15), f"143: {HELD}"),
    "signal within a rollback": (Moment(intent=Rollback(), seen=SPLIT, steps=1, signal=15), ""),
    "signal within an abort": (Moment(intent=Abort(), seen=SPLIT, steps=1, signal=15), ""),
}


@pytest.mark.parametrize(("moment", "wanted"), MOMENTS.values(), ids=MOMENTS)
def test_what_a_run_heeds(ports: Ports, moment: Moment, wanted: str) -> None:
    """A limit and a signal stop a run where it stands, a split is left first; a way back that has begun is finished."""
    said = outcome(moment.session(ports))
    assert said.startswith(wanted)
    assert bool(said) is bool(wanted)


TROUBLE = TransientError("no answer", code="Timeout", operation="ecs:Any")
ERRORS: dict[str, tuple[Moment, TealError, bool]] = {  # whether it sends production back first
    "split": (Moment(intent=Deploy(), seen=SPLIT), TROUBLE, True),
    "split, circles": (Moment(intent=Flip(), seen=SPLIT), NeedsPersonError("circles"), True),
    "split, drift": (Moment(intent=Deploy(), seen=SPLIT), DriftError("foreign"), False),
    "split, another run": (Moment(intent=Deploy(), seen=SPLIT), BusyError("eve"), False),
    "split, signal": (Moment(intent=Deploy(), seen=SPLIT), StoppedError("stopped"), False),
    "split, limit": (Moment(intent=Deploy(), seen=SPLIT), DeadlineError("late"), False),
    "whole": (Moment(intent=Deploy(), seen=STARTING), TROUBLE, False),
    "baking": (Moment(intent=Deploy(), seen=BAKING), TROUBLE, False),
    "nothing seen": (Moment(intent=Deploy()), TROUBLE, False),
    "a way back": (Moment(intent=Rollback(), seen=SPLIT), TROUBLE, False),
    "turning back": (Moment(intent=Deploy(), seen=SPLIT, knows=BACK), TROUBLE, False),
}


@pytest.mark.parametrize(("moment", "error", "back"), ERRORS.values(), ids=ERRORS)
def test_which_errors_send_production_back(ports: Ports, moment: Moment, error: TealError, *, back: bool) -> None:
    """While traffic is split an error sends it back, unless it says that nothing more may be written; no judgement."""
    session = moment.session(ports)
    before = session.run.turn_back
    turned = session.turn_back_for(error)
    assert (turned is not None) is back
    wanted = TurnBack(reason=error.message, judged=False, exit_code=error.exit_code)
    assert session.run.turn_back == (wanted if back else before)


def test_a_verdict_is_latched_once_and_on_record(ports: Ports) -> None:
    """The first verdict stays, and stands in the journal before anybody is told; of a `retire` it is the end."""
    session = scripted(ports, Deploy(), SPLIT)
    turned = session.latch(WHY)
    assert isinstance(turned, TurnedBack)
    assert session.latch(TurnBack(reason="drift")) is None
    assert session.run.turn_back == WHY
    story = session.ports.journal
    assert isinstance(story, Story)
    assert story.events == [turned]
    retiring = scripted(ports, Retire(), DONE)
    with pytest.raises(NeedsPersonError, match="sick"):
        retiring.latch(WHY)
    assert retiring.run.turn_back is None


def test_a_verdict_is_about_one_move(ports: Ports) -> None:
    """That which was on record when it was reached, unless production was sent back before; without a look none."""
    for looks, knows, about in (([SPLIT], run(), SPLIT.move), ([SPLIT], run(went_back=OWN), OWN), ([], run(), None)):
        session = scripted(ports, Deploy(), *looks, knows=knows)
        if looks:
            session.look()
        session.latch(WHY)
        assert session.run.went_back == about


@pytest.mark.parametrize(
    ("intent", "knows", "follows"),
    [
        (Deploy(), None, "back"),
        (Flip(), None, "back"),
        (Deploy(), BACK, "retry"),
        (Rollback(), None, "retry"),
        (Abort(), None, "retry"),
        (Retire(), None, "stop"),
    ],
)
def test_what_follows_a_failure(ports: Ports, intent: Intent, knows: Run | None, follows: str) -> None:
    """Forward it goes back, on a way back it is tried again, and where there is no way back it stops."""
    assert scripted(ports, intent, SPLIT, knows=knows).after_failure == follows


def test_going_in_circles_is_told_with_what_changed(ports: Ports) -> None:
    """A person is told what differs between the last two looks; after one look that is nothing."""
    session = scripted(ports, Deploy(), STARTING, STARTING, ANNOUNCED)
    session.bounded("")
    with pytest.raises(NeedsPersonError, match="circles; between the last two looks changed: nothing"):
        session.bounded("circles")
    session.look()
    session.look()
    with pytest.raises(NeedsPersonError, match=r"circles; .* changed: move: d7\.a\.b\.prepare"):
        session.bounded("circles")


def test_how_long_a_step_has_been_failing(ports: Ports) -> None:
    """It counts from the first failure, of each step by itself, and anew once the step was done."""
    session = scripted(ports, Deploy(), STARTING)
    assert session.failing_s("tag") == 0.0
    session.ports.clock.sleep(5.0)
    assert (session.failing_s("tag"), session.failing_s("route")) == (5.0, 0.0)
    session.succeeded("tag")
    session.succeeded("never tried")
    assert (session.failing_s("tag"), session.failing_s("route")) == (0.0, 0.0)
