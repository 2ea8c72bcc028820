"""Values: what they say of themselves, and the few readings they offer."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest

import seen
from teal.model.event import Noted, StepBegan, TurnedBack, event_json, event_line
from teal.model.identity import Caller, LabFacts, Slot
from teal.model.spec import HttpGate, RouteSpec, RunGate
from teal.model.step import (
    AwaitWhole,
    CreateGroup,
    CreateRoute,
    CreateService,
    CreateTaste,
    DeleteRoute,
    Hold,
    PassGate,
    ProbeProduction,
    ProveIdentity,
    Register,
    Step,
    TagDeployment,
    TagMove,
    TagVerdict,
    UpdateService,
    WriteRoute,
    step_json,
)
from teal.model.step_order import TagOrder
from teal.model.step_retire import AwaitDrained, AwaitStill, RetireSlot
from teal.model.tags import DeploymentTag, MoveTag, Outcome, Stage
from teal.model.traffic import Forward
from teal.model.workload import revision_of

MOVE = MoveTag(id="d1", origin=Slot.A, to=Slot.B, stage=Stage.PREPARE, entered_at_s=1)
TAG = DeploymentTag(id="d1", revision=42)
UPDATE = UpdateService(slot=Slot.B, service="shop-b", family="web", revision=42, count=3, settings=True)
WAIT = AwaitWhole(slot=Slot.B, revision=42, count=2, healthy_for_s=30.0, deadline_at_s=9.0)
HOLD = Hold(slot=Slot.B, percent=10, lasts_s=60.0, until_s=None)

STEPS: list[tuple[Step, str]] = [
    (CreateGroup(slot=Slot.A, group=seen.group_of(Slot.A)), "create target group shop-web-a for slot a"),
    (
        CreateTaste(
            slot=Slot.A, group_key="k", group_name="g", listener_arn="l", listener_port=443, priority=7, by_port=False
        ),
        "create taste rule 7 on listener 443: a secret header → g",
    ),
    (
        CreateTaste(
            slot=Slot.A, group_key="k", group_name="g", listener_arn="l", listener_port=9001, priority=1, by_port=True
        ),
        "create taste rule 1 on listener 9001: everything on this port → g",
    ),
    (TagMove(tag=MOVE), "record that a move a → b is being prepared"),
    (TagMove(tag=MOVE.entering(Stage.HELD, 1)), "record that slot b is held, tasted and ready"),
    (TagMove(tag=MOVE.entering(Stage.SHIFT, 1), percent=10), "record that traffic is about to shift a → b, 10 %"),
    (TagMove(tag=MOVE.entering(Stage.DONE, 1)), "record that the move a → b is done"),
    (TagMove(tag=MOVE.entering(Stage.BACK, 1)), "record that the move a → b was taken back"),
    (TagMove(tag=replace(MOVE, origin=None)), "record that a move nothing → b is being prepared"),
    (Register(family="web"), "register a new revision of task definition web"),
    (
        CreateService(slot=Slot.B, service="shop-b", family="web", revision=None, count=2, tag=None),
        "create service shop-b in slot b with 2 × web:new",
    ),
    (TagDeployment(slot=Slot.B, tag=TAG), "record that slot b shall hold revision 42"),
    (TagDeployment(slot=Slot.B, tag=TAG.ended(Outcome.SERVED)), "record that slot b serves revision 42"),
    (TagDeployment(slot=Slot.B, tag=TAG.ended(Outcome.BACK)), "record that slot b was taken back with revision 42"),
    (
        UPDATE,
        "bring service shop-b (slot b) to revision web:42, 3 tasks, circuit breaker without rollback, 100/200 percent",
    ),
    (
        replace(UPDATE, count=None, settings=False, putting_back=True),
        "put service shop-b (slot b) back to revision web:42",
    ),
    (
        replace(UPDATE, revision=None, count=None, settings=False),
        "bring service shop-b (slot b) to the new revision",
    ),
    (WAIT, "wait until slot b is whole: 2 tasks of one revision, all healthy for 30 s"),
    (replace(WAIT, healthy_for_s=0.0), "wait until slot b is whole: 2 tasks of one revision, all healthy"),
    (
        ProveIdentity(slot=Slot.B, revision=None),
        "prove that slot b answers as revision new: targets = tasks, taste route",
    ),
    (
        PassGate(slot=Slot.B, index=0, gate=HttpGate(path="/health", contains="ok")),
        "taste slot b: http /health answers status 200 and body containing 'ok'",
    ),
    (PassGate(slot=Slot.B, index=0, gate=RunGate(command="./smoke.sh")), "taste slot b: run ./smoke.sh"),
    (
        WriteRoute(index=0, route="shop:443 rule 20", shares=((Slot.A, 90), (Slot.B, 10))),
        "send 90 % → slot a, 10 % → slot b on shop:443 rule 20",
    ),
    (
        CreateRoute(index=0, route="shop:443 rule 20", slot=Slot.B, tag=None),
        "create production rule shop:443 rule 20 → slot b",
    ),
    (
        DeleteRoute(index=0, route="shop:443 rule 20"),
        "delete production rule shop:443 rule 20, which this deployment created",
    ),
    (HOLD, "hold 10 % on slot b for 60 s"),
    (replace(HOLD, percent=100, baking=True), "bake 100 % on slot b for 60 s"),
    (replace(HOLD, percent=100, cooling=True), "wait until slot a has been without traffic for 60 s"),
    (
        ProbeProduction(slot=Slot.B, revision=42),
        "see revision 42 answer on every address of the load balancer",
    ),
    (TagVerdict(family="web", revision=42, value="back.1"), "mark web:42 as taken back"),
    (TagOrder(family="web", revision=42, seq=7), "record that web:42 is what number 7 asked for"),
    (
        RetireSlot(slot=Slot.A, service="shop-a", count=2),
        "scale service shop-a (slot a) from 2 tasks to 0",
    ),
    (AwaitStill(slot=Slot.A, lasts_s=3.0, until_s=9.0), "look again after 3 s: nothing may have changed"),
    (
        AwaitDrained(slot=Slot.A, deadline_at_s=9.0),
        "wait until slot a is empty: its open requests finished, its tasks ended",
    ),
]


@pytest.mark.parametrize(("step", "sentence"), STEPS)
def test_every_step_is_a_sentence_a_person_can_approve(step: Step, sentence: str) -> None:
    """Every kind of step says what will be done, its way back, and what it calls; as JSON it says the same."""
    assert step.sentence() == sentence
    found = json.loads(json.dumps(step_json(step)))
    assert (found["kind"], found["sentence"], found["undo"]) == (type(step).__name__, sentence, step.undo())
    assert found["undo"]
    assert found["calls"] == list(step.calls)


def test_a_gate_shows_the_names_of_its_headers_alone() -> None:
    """The values of a gate's headers may be credentials and are in no JSON."""
    gate = HttpGate(path="/", headers={"Authorization": "Bearer 1234"})
    text = json.dumps(step_json(PassGate(slot=Slot.B, index=0, gate=gate)))
    assert ("Authorization" in text, "1234" in text) == (True, False)


def test_an_event_is_json_with_its_kind_and_its_step() -> None:
    """An event's JSON names schema, run, kind and fields; a step in it is the step's own JSON."""
    began = StepBegan(at_s=1.0, step=Register(family="web"), number=1, stage="rest")
    assert event_json(began, "d1") == {
        "schema": 2, "run": "d1", "event": "StepBegan", "at_s": 1.0, "step": step_json(began.step),
        "number": 1, "stage": "rest",
    }  # fmt: skip
    assert event_json(TurnedBack(at_s=1.0, reason="x"), "d1") == {
        "schema": 2, "run": "d1", "event": "TurnedBack", "at_s": 1.0, "reason": "x"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("route", "name"),
    [
        (seen.ROUTE, "shop:443 rule 20"),
        (replace(seen.ROUTE, priority=None), "shop:443 rule by its conditions"),
        (replace(seen.ROUTE, priority=None, default=True), "shop:443 default action"),
        (replace(seen.ROUTE, priority=None, rule_arn="arn:rule"), "arn:rule"),
    ],
)
def test_a_route_is_named_as_it_is_configured(route: RouteSpec, name: str) -> None:
    """A route is called by what finds it."""
    assert str(route) == name


def test_the_lab_alone_scales_time() -> None:
    """On AWS every hold lasts as long as it says."""
    caller = Caller(account="1", arn="a", region="r")
    assert caller.time_scale == 1.0
    assert replace(caller, lab=LabFacts(time_scale=0.1, low_port_offset=8000)).time_scale == 0.1
    assert (Slot.A.other, Slot.B.other) == (Slot.B, Slot.A)


@pytest.mark.parametrize(
    ("shares", "share"),
    [
        ((("a", 1),), Fraction(1)),
        ((("a", 0),), Fraction(1)),
        ((("b", 100),), Fraction(0)),
        ((("a", 1), ("b", 3)), Fraction(1, 4)),
        ((("a", 0), ("b", 0)), Fraction(0)),
    ],
)
def test_a_share_is_a_fraction_of_all_weights(shares: tuple[tuple[str, int], ...], share: Fraction) -> None:
    """A single group has everything, whatever its weight; weights of 0 alone give nobody anything."""
    assert Forward(shares=shares).share("a") == share


@pytest.mark.parametrize(
    ("arn", "found"),
    [
        (seen.definition_arn(41), ("web", 41)),
        ("web:7", ("web", 7)),
        ("web", ("web", 0)),
    ],
)
def test_a_revision_is_read_from_its_arn(arn: str, found: tuple[str, int]) -> None:
    """Family and revision are the last part of the ARN; without a number it is revision 0."""
    assert revision_of(arn) == found


def test_a_slot_without_service_has_no_tags() -> None:
    """Where there is no service there is neither deployment nor what was before; definitions are found by number."""
    state = seen.slot_state(Slot.A, None, healthy=0)
    assert (state.deployment, state.before, state.healthy) == (None, None, 0)
    assert replace(state, groups=()).healthy == 0
    app = seen.at_rest()
    found = app.definition("web", 41)
    assert found is not None
    assert (found.revision, app.definition("web", 999)) == (41, None)
    assert seen.spec().slot(Slot.A).group("web:8080").name == "shop-web-a"


def test_an_event_is_one_line() -> None:
    """A line of a journal is plain text without control characters, whatever was said, and names its run."""
    line = event_line(Noted(at_s=1.0, message="two\nlines, \x1b[2J and a ü"), "d1")
    assert (line.count("\n"), line[-1]) == (1, "\n")
    assert line[:-1].isascii()
    assert line[:-1].isprintable()
    told = json.loads(line)
    assert (told["run"], told["event"], told["message"]) == ("d1", "Noted", "two\nlines, \x1b[2J and a ü")
