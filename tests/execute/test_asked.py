"""Putting a question until it is answered: how often, for how long, and what its answer leads to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from aws.canned import VirtualClock
from execute.asking import IDENTITY, Answering, Ending, as_revision, whole_b
from execute.scripted import FAST, FULL, SERVICE, SPLIT, faster, kinds, looked, scripted
from plan.scenes import run, spec
from teal.execute.session import Session
from teal.execute.waiting import put_question, question_key
from teal.model.event import Event, StepEnded, StepFailed, Waited
from teal.model.identity import Slot
from teal.model.run import Deploy, TurnBack
from teal.model.snapshot import Snapshot
from teal.model.spec import HttpGate, Rung, RunGate, Spec
from teal.model.step import PassGate, ProbeProduction, ProveIdentity, Question
from teal.model.traffic import TargetHealth
from teal.ports import CommandResult, Ports, Reply

PROBE = ProbeProduction(slot=Slot.B, revision=42)
PROVE = ProveIdentity(slot=Slot.B, revision=42)
HTTP = PassGate(slot=Slot.B, index=3, gate=HttpGate(path="/", attempts=1))
COMMAND = PassGate(slot=Slot.B, index=0, gate=RunGate(command="x", timeout_s=33.0, retry_s=2.5))
ASKED = replace(whole_b(), routes=whole_b().routes * 2)


def asked(
    ports: Ports,
    step: Question,
    *said: Reply,
    found: Snapshot = ASKED,
    configured: Spec | None = None,
    exit_code: int = 0,
) -> tuple[Session, list[Event]]:
    """Put a question to production that says this in turn, the last for ever; return the session and what happened."""
    replies = list(said) or [as_revision()]
    prober = Answering(lambda number, _: replies[min(number, len(replies)) - 1], addresses_=("192.0.2.1",))
    around = replace(ports, prober=prober, shell=Ending(CommandResult(exit_code=exit_code, output="")))
    wanted = configured or replace(spec(2), identity=IDENTITY)
    session = scripted(around, Deploy(), found, knows=run(passed=frozenset({"before"})), configured=wanted)
    session.look()
    looked(session).taken.clear()
    return session, list(put_question(session, step))


@pytest.mark.parametrize(
    ("step", "key", "rung"),
    [(PROVE, "identity", None), (PROBE, "probed", Rung.PROBED), (HTTP, "gate:3", None), (COMMAND, "gate:0", None)],
)
def test_a_good_answer(ports: Ports, step: Question, key: str, rung: Rung | None) -> None:
    """It is remembered under its name, how the effect was seen is known by it, and a complete look follows."""
    session, events = asked(ports, step)
    assert events == [StepEnded(at_s=1000.0, step=step, took_s=0.0)]
    assert (question_key(step), set(session.run.passed), session.run.rung) == (key, {"before", key}, rung)
    assert looked(session).taken == [FULL]


WRONG = as_revision("41")
SILENT = Reply(status=0, headers={}, body="", error="refused")


@pytest.mark.parametrize(("time_scale", "pause_s"), [(1.0, 1.0), (0.5, 1.0), (0.125, 0.5), (0.001, 0.2)])
def test_a_question_is_put_again(ports: Ports, time_scale: float, pause_s: float) -> None:
    """After a second, sooner in a lab; each new reason is told once, and the slot is looked at in between."""
    replies = [SILENT, SILENT, WRONG, WRONG, *[as_revision()] * 9]
    for step, look in ((PROVE, SERVICE), (PROBE, FAST)):
        session, events = asked(ports, step, *replies, found=faster(ASKED, time_scale))
        assert [event.at_s for event in events if isinstance(event, Waited)] == [
            1000.0,
            pytest.approx(1000.0 + 2 * pause_s),
        ]
        assert looked(session).taken == [*[look] * 4, FULL]
        ended = events[-1]
        assert isinstance(ended, StepEnded)
        assert ended.took_s == pytest.approx(4 * pause_s)


def draining(delay_s: int, *, gone: bool = False) -> Snapshot:
    """Return the app while targets leave two of the groups of slot b."""
    state = ASKED.slot(Slot.B)
    group = state.groups[0]
    assert group.group is not None
    leaving = (*(group.targets or ()), TargetHealth(target_id="x", port=1, state="draining"))
    slow = replace(group.group, deregistration_delay_s=9999)
    groups = (
        replace(group, targets=leaving, group=None if gone else replace(group.group, deregistration_delay_s=delay_s)),
        replace(group, spec=replace(group.spec, port=9090), group=slow),
        replace(group, spec=replace(group.spec, port=9091), targets=None),
        replace(
            group,
            spec=replace(group.spec, port=9092),
            targets=leaving,
            group=None if gone else replace(group.group, deregistration_delay_s=5),
        ),
    )
    return replace(ASKED, slots={**ASKED.slots, Slot.B: replace(state, groups=groups)}, tastes=())


LIMITS: dict[str, tuple[Question, Snapshot, float]] = {
    "identity": (PROVE, replace(ASKED, tastes=()), 60.0),
    "identity of a slot that drains": (PROVE, draining(300), 360.0),
    "identity of a group that is gone": (PROVE, draining(300, gone=True), 60.0),
    "in a lab": (PROVE, faster(draining(300), 0.5), 180.0),
    "in a fast lab": (PROVE, faster(ASKED, 0.01), 20.0),
    "a request": (HTTP, replace(ASKED, tastes=()), 60.0),
    "a request while it drains": (HTTP, draining(300), 60.0),
    "a command": (COMMAND, ASKED, 33.0),
}


@pytest.mark.parametrize(("step", "found", "limit_s"), LIMITS.values(), ids=LIMITS)
def test_how_long_a_question_may_wait_for_its_answer(
    ports: Ports, step: Question, found: Snapshot, limit_s: float
) -> None:
    """A minute, and as long as targets leave the slot; a command as long as it was given. Then it goes back, judged."""
    session, events = asked(ports, step, SILENT, found=found, exit_code=75)
    assert kinds(events) == ["StepFailed", "TurnedBack"]
    assert limit_s < session.now_s - 1000.0 <= limit_s + (2.5 if step is COMMAND else 1.0)
    failed = next(event for event in events if isinstance(event, StepFailed))
    assert failed.follows == "back"
    assert session.run.turn_back == TurnBack(reason=f"{step.sentence()}: {failed.reason}", judged=True, exit_code=4)


@dataclass(slots=True)
class Interrupted(Ending):
    """A shell in which somebody presses Ctrl-C."""

    clock: VirtualClock = field(default_factory=VirtualClock)

    def run(self, command: str, environment: Mapping[str, str], timeout_s: float) -> CommandResult:
        """Stop the run, and with it the command."""
        self.clock.stop = 2
        return Ending.run(self, command, environment, timeout_s)


def test_a_signal_while_it_is_asked_convicts_nobody(ports: Ports) -> None:
    """The command was ended by the signal, not by what it found: a split is left, and nobody is judged."""
    shell = Interrupted(CommandResult(exit_code=None, output=""))
    found = replace(SPLIT, load_balancers=ASKED.load_balancers, tastes=ASKED.tastes)
    session = scripted(replace(ports, prober=Answering(lambda *_: as_revision()), shell=shell), Deploy(), found)
    session.ports = replace(session.ports, clock=shell.clock)
    session.look()
    assert kinds(list(put_question(session, COMMAND))) == ["TurnedBack"]
    assert session.run.turn_back == TurnBack(reason="stopped by signal 2", judged=False, pause=True, exit_code=130)


def test_a_bad_answer_is_the_end_at_once(ports: Ports) -> None:
    """A gate that fails has failed; only one that asks to wait is asked again."""
    session, events = asked(ports, COMMAND, exit_code=1)
    assert (kinds(events), session.now_s) == (["StepFailed", "TurnedBack"], 1000.0)


@pytest.mark.parametrize(
    ("required", "said", "ends"),
    [
        (Rung.HELD, SILENT, "Noted"),
        (Rung.HELD, WRONG, "TurnedBack"),
        (Rung.PROBED, SILENT, "TurnedBack"),
        (Rung.PROBED, WRONG, "TurnedBack"),
    ],
)
def test_production_that_does_not_answer(ports: Ports, required: Rung, said: Reply, ends: str) -> None:
    """It is told and gone on without, unless it was required, or production answers as somebody else."""
    wanted = replace(spec(2), identity=IDENTITY)
    wanted = replace(wanted, deploy=replace(wanted.deploy, require_seen=required))
    session, events = asked(ports, PROBE, said, configured=wanted)
    assert type(events[-1]).__name__ == ends
    assert (set(session.run.passed), session.run.rung) == (
        {"before"} | ({"probed"} if ends == "Noted" else set()),
        None,
    )
