"""`retire` decided: what it refuses, what it waits for, what it says it ends."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

import seen
from plan import scenes
from plan.scenes import LONG_AGO, NOW_S, Scene, decide, sentences
from teal.model.decision import Decision, Finished, Refused, Steps
from teal.model.identity import Slot
from teal.model.run import Retire, Rollback, Run, Still
from teal.model.snapshot import Snapshot
from teal.model.spec import DeploySpec, Spec
from teal.model.step import Hold, Wait, WriteRoute
from teal.model.step_retire import AwaitDrained, AwaitStill, RetireSlot
from teal.model.tags import DEPLOYMENT, parse_move
from teal.plan.invariants import broken
from teal.plan.planner import plan
from teal.plan.retiring import looked
from teal.plan.standing import written
from teal.plan.watch import Done, Failed, NotYet, check

YOUNG = int(NOW_S) - 60
AT_REST = Scene(move=f"d7.a.b.done.{LONG_AGO}", shares=(1,), b="d7.42.served")
TAKEN_BACK = Scene(move=f"d7.a.b.back.{LONG_AGO}", shares=(0,), b="d7.42.back")
SPLIT = Scene(move=f"d7.a.b.shift.{LONG_AGO}", shares=(Fraction(1, 2),), b="d7.42")
LOOK = "look again after 3 s: nothing may have changed"
LONG_LOOK = "look again after 120 s: nothing may have changed"
EMPTY_A = "scale service shop-web-a (slot a) from 2 tasks to 0"
DRAIN_A = "wait until slot a is empty: its open requests finished, its tasks ended"
RETIRE_A = RetireSlot(slot=Slot.A, service="shop-web-a", count=2)


UNRECORDED = replace(AT_REST, move=None)


def still(since_s: float, until_s: float = NOW_S, *, scene: Scene = AT_REST) -> Run:
    """Return what a run knows whose looks were equal for a while."""
    weights = written(scene.seen(), since_s if scene is UNRECORDED else LONG_AGO)
    return scenes.run(still=Still(basis=None, since_s=since_s, until_s=until_s), weights=weights)


def told(decision: Decision) -> tuple[int, str]:
    """Return exit code and message."""
    assert isinstance(decision, Finished | Refused), decision
    return decision.exit_code, decision.message


@pytest.mark.parametrize(
    ("scene", "run", "then"),
    [
        (AT_REST, scenes.run(), [LOOK, EMPTY_A, DRAIN_A]),
        (AT_REST, still(NOW_S - 2.9), [LOOK, EMPTY_A, DRAIN_A]),
        (AT_REST, still(NOW_S - 3.0), [EMPTY_A, DRAIN_A]),
        (UNRECORDED, scenes.run(), [LONG_LOOK, EMPTY_A, DRAIN_A]),
        (UNRECORDED, still(NOW_S - 119.0, scene=UNRECORDED), [LONG_LOOK, EMPTY_A, DRAIN_A]),
        (UNRECORDED, still(NOW_S - 120.0, scene=UNRECORDED), [EMPTY_A, DRAIN_A]),
    ],
)
def test_it_looks_twice_before_it_writes(scene: Scene, run: Run, then: list[str]) -> None:
    """Three seconds of equal looks come before the write; 120 where no move says when the slot last had weight."""
    assert sentences(decide(Retire(), scene, run_knows=run)) == then


def test_it_waits_out_a_record_that_it_made_itself() -> None:
    """A slot that had weight a moment ago refuses; where this very run recorded the move as over, it waits instead."""
    young = replace(TAKEN_BACK, move=f"d7.a.b.back.{YOUNG}")
    assert told(decide(Retire(), young)) == (5, "slot b had traffic less than 120 s ago")
    waits = decide(Retire(), young, run_knows=scenes.run(own_move=parse_move(young.move)))
    assert sentences(waits)[0] == "wait until slot b has been without traffic for 120 s"


@pytest.mark.parametrize(
    ("age_s", "own", "time_scale", "first"),
    [
        (100, False, 1.0, "slot b had traffic less than 120 s ago"),
        (120, False, 1.0, "slot b had traffic less than 120 s ago"),
        (121, False, 1.0, LOOK),  # the second that the tag does not tell, and 120
        (120, True, 1.0, "wait until slot b has been without traffic for 120 s"),
        (121, True, 1.0, LOOK),
        (60, False, 0.5, "slot b had traffic less than 60 s ago"),
        (61, False, 0.5, "look again after 1.5 s: nothing may have changed"),
        (60, True, 0.5, "wait until slot b has been without traffic for 60 s"),
    ],
)
def test_a_slot_rests_from_its_last_weight(age_s: int, own: bool, time_scale: float, first: str) -> None:  # noqa: FBT001 - a table's column
    """120 s of the lab's time, to the second; who recorded the end of the move itself waits, anybody else refuses."""
    scene = replace(TAKEN_BACK, move=f"d7.a.b.back.{int(NOW_S) - age_s}")
    run = scenes.run(own_move=parse_move(scene.move) if own else None)
    decision = plan(Retire(), scenes.spec(), scenes.in_lab(scene.seen(), time_scale), run, NOW_S)
    assert (sentences(decision)[0] if isinstance(decision, Steps) else told(decision)[1]) == first


def test_its_rest_is_said_of_the_slot_that_serves() -> None:
    """While it rests, the look says what holds then: all the traffic is with the other slot."""
    scene = replace(TAKEN_BACK, move=f"d7.a.b.back.{YOUNG}")
    decision = decide(Retire(), scene, run_knows=scenes.run(own_move=parse_move(scene.move)))
    assert isinstance(decision, Steps)
    assert isinstance(decision.steps[0], Hold)
    answer = check(decision.steps[0], scenes.spec(), scene.seen(), scenes.run(), NOW_S)
    assert answer == NotYet(retry_after_s=4.0, progress="100 % on slot a, 61 s left; 2 healthy")


def test_without_a_move_its_looks_count_from_when_the_weights_were_seen() -> None:
    """Where no tag says when the slot last had weight, equal looks before the weights were known do not count."""
    known = replace(still(NOW_S - 500.0), weights=written(UNRECORDED.seen(), NOW_S - 50.0))
    decision = decide(Retire(), UNRECORDED, run_knows=known)
    assert isinstance(decision, Steps)
    assert decision.steps[0] == AwaitStill(slot=Slot.A, lasts_s=120.0, until_s=NOW_S + 70.0)


def test_a_slot_without_tags_is_judged_by_what_it_runs() -> None:
    """What a person made by hand stands alone when it is whole, though no tag says what it shall hold."""
    assert sentences(decide(Retire(), replace(UNRECORDED, a="", b=""))) == [LONG_LOOK, EMPTY_A, DRAIN_A]


@pytest.mark.parametrize(("delays", "lasts_s"), [((), 600.0), ((30,), 630.0), ((30, 400), 1000.0), ((400, 30), 1000.0)])
def test_it_waits_for_open_requests_and_ten_minutes_more(delays: tuple[int, ...], lasts_s: float) -> None:
    """The longest deregistration delay of the slot's groups, and ten minutes; a group that is gone delays nothing."""
    found = AT_REST.seen()
    state = found.slot(Slot.A)
    (known,) = state.groups
    assert known.group is not None
    groups = [replace(known, group=replace(known.group, deregistration_delay_s=delay)) for delay in delays]
    state = replace(state, groups=(*groups, replace(known, group=None)))
    decision = plan(Retire(), scenes.spec(), replace(found, slots={**found.slots, Slot.A: state}), scenes.run(), NOW_S)
    assert isinstance(decision, Steps)
    assert decision.steps[-1] == AwaitDrained(slot=Slot.A, deadline_at_s=NOW_S + lasts_s)


def changed(scene: Scene, **changes: Any) -> Snapshot:  # noqa: ANN401 - fields of a snapshot
    """Return a scene with something else in its snapshot."""
    return replace(scene.seen(), **changes)


def with_service(scene: Scene | Snapshot, slot: Slot, **changes: Any) -> Snapshot:  # noqa: ANN401 - fields of a service
    """Return a scene whose service of a slot is different; no changes: it is not there."""
    found = scene if isinstance(scene, Snapshot) else scene.seen()
    state = found.slot(slot)
    assert state.service is not None
    service = replace(state.service, **changes) if changes else None
    return replace(found, slots={**found.slots, slot: replace(state, service=service)})


def emptied(scene: Scene, targets: int = 0) -> Snapshot:
    """Return a scene whose slot a is scaled to 0, with this many targets left."""
    found = with_service(scene, Slot.A, desired=0, running=0)
    state = found.slot(Slot.A)
    return replace(
        found,
        slots={**found.slots, Slot.A: replace(state, groups=seen.slot_state(Slot.A, None, healthy=targets).groups)},
    )


@pytest.mark.parametrize(
    ("found", "exit_code", "message"),
    [
        (changed(AT_REST, strangers=("rule 40 of shop:443",)), 2,
         "rule 40 of shop:443 forwards to a group of this app and is no route: slot a may serve it"),
        (replace(AT_REST, healthy={Slot.B: 1}).seen(), 5,
         "slot b, which serves, is not whole: 1 healthy targets for 2 tasks"),
        (with_service(AT_REST, Slot.B, running=1), 5,
         "slot b, which serves, is not whole: 2 healthy targets for 2 tasks"),
        (with_service(replace(AT_REST, move=None), Slot.B), 5,
         "slot b, which serves, is not whole: 2 healthy targets for 0 tasks"),
        (with_service(AT_REST, Slot.B, tags={DEPLOYMENT: "d7.41.served"}), 7,
         "slot b runs revision 42, its tag says 41: somebody else updated it"),
        (with_service(AT_REST, Slot.A), 0, "nothing to retire: slot a has no service"),
        (emptied(AT_REST), 0, "nothing to retire: slot a is scaled to 0"),
        (Scene(move=f"d7.a.b.shift.{LONG_AGO}", shares=(1,), b="d7.42").seen(), 6, "a move is under way: baking"),
        (Scene(move=f"d7.a.b.shift.{LONG_AGO}", shares=(Fraction(1, 2),), b="d7.42.back").seen(), 6,
         "a move is under way: going back, interrupted"),
        (Scene(shares=(None,), a="d7.41", b=None).seen(), 6, "a move is under way: no production rule yet"),
        (Scene(shares=(None,), a=None, b=None).seen(), 5, "no slot serves, so that none is idle"),
        (Scene(shares=(None,), a="d7.41.back", b=None).seen(), 5, "no slot serves, so that none is idle"),
    ],
)  # fmt: skip
def test_it_refuses_where_the_slot_may_be_needed(found: Snapshot, exit_code: int, message: str) -> None:
    """Whatever could still need the idle slot keeps it; nothing to do is no failure."""
    assert told(plan(Retire(), scenes.spec(create=True), found, scenes.run(), NOW_S)) == (exit_code, message)


def test_a_shift_announced_a_moment_ago_is_somebody_at_work() -> None:
    """A young announcement is left alone."""
    scene = Scene(move=f"d7.a.b.shift.{int(NOW_S) - 5}", shares=(0,), b="d7.42")
    assert told(decide(Retire(), scene))[0] == 6


def warm(kept_s: float | None) -> Spec:
    """Return the configuration with a time for which the idle slot is kept."""
    return replace(scenes.spec(), deploy=DeploySpec(keep_warm_s=kept_s))


@pytest.mark.parametrize(
    ("scene", "kept_s", "message"),
    [
        (AT_REST, None, "not due: `keep_warm` names no end"),
        (AT_REST, 5000.0, "not due: slot a is kept warm for another 1000 s"),
        (AT_REST, 4000.6, "not due: slot a is kept warm for another 1 s"),
        (TAKEN_BACK, 5000.0, "not due: slot b is kept warm for another 1000 s"),
        (replace(AT_REST, move=None), 60.0, "not due: at rest, no move on record"),
        (Scene(move=f"d7.a.b.held.{LONG_AGO}", b="d7.42"), 60.0, "not due: held, waiting for flip or abort"),
    ],
)
def test_if_due_does_nothing_before_its_time(scene: Scene, kept_s: float | None, message: str) -> None:
    """From cron, `retire --if-due` says when it will do something, and exits 0."""
    assert told(decide(Retire(if_due=True), scene, wanted=warm(kept_s))) == (0, message)


@pytest.mark.parametrize(("kept_s", "exit_code"), [(39_999.0, None), (41_000.0, 0)])
def test_keeping_warm_is_scaled_with_the_lab(kept_s: float, exit_code: int | None) -> None:
    """In a lab whose time is a tenth, a slot is kept warm for a tenth of what is configured."""
    decision = plan(Retire(if_due=True), warm(kept_s), scenes.in_lab(AT_REST.seen(), 0.1), scenes.run(), NOW_S)
    assert (decision.exit_code if isinstance(decision, Finished) else None) == exit_code


def test_if_due_retires_when_it_is_due() -> None:
    """When `keep_warm` is over, `--if-due` does what `retire` does."""
    for kept_s in (3000.0, 4000.0):
        assert sentences(decide(Retire(if_due=True), AT_REST, wanted=warm(kept_s))) == [LOOK, EMPTY_A, DRAIN_A]


@pytest.mark.parametrize(
    ("scene", "warning"),
    [
        (AT_REST, "this ends the rollback to web:41: slot a has no tasks then"),
        (TAKEN_BACK, "slot b holds web:42; no command can send production there then before it is deployed again"),
    ],
)
def test_it_says_what_it_ends(scene: Scene, warning: str) -> None:
    """Whoever approves reads which way back there will be no more."""
    decision = decide(Retire(), scene)
    assert isinstance(decision, Steps)
    assert decision.warnings == (warning,)


GONE = scenes.run(emptied=(Slot.A, 2))
DONE = replace(GONE, passed=frozenset({"retired"}))
LED = replace(AT_REST, shares=(0,))


@pytest.mark.parametrize(
    ("found", "run", "then"),
    [
        (AT_REST.seen(), GONE, [LOOK, EMPTY_A, DRAIN_A]),  # its answer was lost, and it was not done
        (AT_REST.seen(), DONE, (7, "slot a is not retired: somebody else scaled it to 2 tasks meanwhile")),
        (emptied(AT_REST, 1), DONE, [DRAIN_A]),
        (emptied(AT_REST), DONE, (0, "nothing to retire: slot a is scaled to 0")),
        (emptied(LED, 1), DONE, ["bring service shop-web-a (slot a) to 2 tasks"]),
        (emptied(replace(AT_REST, shares=(0, 1)), 1), DONE, ["bring service shop-web-a (slot a) to 2 tasks"]),
        (LED.seen(), DONE, (7, "slot a is not retired: somebody else sent traffic to it meanwhile")),
        (with_service(AT_REST, Slot.A), DONE, (0, "nothing to retire: slot a has no service")),
    ],
)
def test_a_slot_that_is_wanted_again_gets_its_tasks_back(
    found: Snapshot, run: Run, then: list[str] | tuple[int, str]
) -> None:
    """Traffic that somebody leads to the slot while it is being retired meets as many tasks as there were."""
    decision = plan(Retire(), scenes.spec(), found, run, NOW_S)
    assert (sentences(decision) if isinstance(then, list) else told(decision)) == then


def test_a_slot_that_was_given_back_is_not_retired() -> None:
    """Its tasks are back, and yet `retire` did not do what was asked: exit 7."""
    assert plan(Retire(), scenes.spec(), emptied(LED, 1), DONE, NOW_S).exit_code == 7


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (AT_REST.seen(), ""),
        (LED.seen(), "I4: slot a has weight"),
        (replace(AT_REST, move=f"d7.a.b.done.{YOUNG}").seen(), "I4: slot a had weight a moment ago"),
        (with_service(AT_REST, Slot.B), "I5: slot a would be retired while slot b is not whole"),
        (with_service(AT_REST, Slot.B, tags={DEPLOYMENT: "d7.41.served"}),
         "I5: slot a would be retired while slot b is not whole"),
        (with_service(AT_REST, Slot.B, running=1), "I5: slot a would be retired while slot b is not whole"),
        (changed(AT_REST, strangers=("rule 40",)), "I5: rule 40 may lead to slot a"),
        (changed(AT_REST, taken_at_s=NOW_S - 2.0), "I9: the last look is 2.0 s old"),
    ],
)  # fmt: skip
def test_the_invariants_speak_of_it(found: Snapshot, says: str) -> None:
    """Whatever the planner thinks, no slot is emptied that could be needed, and none on an old look."""
    assert broken(Retire(), scenes.facts(found), RETIRE_A) == says


@pytest.mark.parametrize(
    ("intent", "says"),
    [
        (Rollback(), "I1: slot a is retired: its last targets are on their way out"),
        (Rollback(force=True), ""),
    ],
)
def test_no_weight_goes_to_a_slot_that_is_on_its_way_out(intent: Rollback, says: str) -> None:
    """Targets of a service that wants no tasks are still healthy for a moment; they are not counted on."""
    to_a = WriteRoute(index=0, route="r", shares=((Slot.A, 100),))
    assert broken(intent, scenes.facts(emptied(AT_REST, 2)), to_a) == says


def test_rollback_to_a_retired_slot_says_what_brings_it_up() -> None:
    """Exit 5, production stays, a deployment is the way."""
    decision = decide(Rollback(), AT_REST)
    assert isinstance(decision, Steps)
    refused = plan(Rollback(), scenes.spec(), emptied(AT_REST, 2), scenes.run(), NOW_S)
    assert isinstance(refused, Refused)
    assert told(refused) == (5, "slot a is retired: it has no tasks, and production stays where it is")
    assert refused.hint.startswith("`teal deploy` of what it held brings it up again")
    split = plan(Rollback(), scenes.spec(), emptied(SPLIT), scenes.run(), NOW_S)
    assert isinstance(split, Refused)
    scaled = "`aws ecs update-service --cluster prod --service shop-web-a --desired-count …` brings it up"
    assert split.hint.startswith(scaled)


@pytest.mark.parametrize("intent", [Rollback(), Rollback(to_slot=Slot.A)])
def test_rollback_gives_back_what_a_late_scale_in_took(intent: Rollback) -> None:
    """Production is back on slot a, and a `retire` that was ahead of that scales it to 0: it gets its tasks again."""
    decision = plan(intent, scenes.spec(), emptied(TAKEN_BACK), scenes.run(), NOW_S)
    assert sentences(decision) == ["bring service shop-web-a (slot a) to 2 tasks"]
    assert told(decide(intent, TAKEN_BACK)) == (0, "nothing to roll back: slot a serves")


SOON = AwaitStill(slot=Slot.A, lasts_s=3.0, until_s=NOW_S + 2.0)
DRAINED = AwaitDrained(slot=Slot.A, deadline_at_s=NOW_S + 9.0)
LATE = replace(DRAINED, deadline_at_s=NOW_S)
EMPTIED = emptied(AT_REST)
RUNS = "1/0 tasks run (0 pending); targets: no targets"
STARTS = "1/0 tasks run (1 pending); targets: no targets"
LEFT = "0/0 tasks run (0 pending); targets: 1 healthy"


@pytest.mark.parametrize(
    ("step", "found", "answer"),
    [
        (SOON, AT_REST.seen(), NotYet(retry_after_s=2.0, progress="another look in 2 s")),
        (replace(SOON, until_s=NOW_S + 0.5), AT_REST.seen(),
         NotYet(retry_after_s=0.5, progress="another look in 0 s")),
        (replace(SOON, until_s=NOW_S), AT_REST.seen(), Done()),
        (DRAINED, emptied(AT_REST), Done()),
        (DRAINED, with_service(EMPTIED, Slot.A, running=1), NotYet(retry_after_s=4.0, progress=RUNS)),
        (DRAINED, with_service(EMPTIED, Slot.A, running=1, pending=1), NotYet(retry_after_s=4.0, progress=STARTS)),
        (DRAINED, AT_REST.seen(), Done()),  # somebody scaled it up again: the next look tells
        (DRAINED, emptied(AT_REST, 1), NotYet(retry_after_s=4.0, progress=LEFT)),
        (LATE, emptied(AT_REST, 1), Failed(reason=f"slot a is scaled to 0 and not empty yet: {LEFT}", deadline=True)),
    ],
)  # fmt: skip
def test_its_waits_are_judged(step: Wait, found: Snapshot, answer: Done | NotYet | Failed) -> None:
    """A slot is empty when no task and no target is left, and has a deadline for it."""
    assert check(step, scenes.spec(), found, scenes.run(), NOW_S) == answer


def test_a_slot_is_empty_when_all_its_groups_are() -> None:
    """A slot of two groups is waited for as long as one of them has a target."""
    found = emptied(AT_REST, 1)
    state = found.slot(Slot.A)
    (left,) = state.groups
    for groups in ((left, replace(left, targets=())), (replace(left, targets=()), left)):
        world = replace(found, slots={**found.slots, Slot.A: replace(state, groups=groups)})
        assert sentences(plan(Retire(), scenes.spec(), world, scenes.run(), NOW_S)) == [DRAIN_A]


def test_two_looks_are_equal_in_what_the_decision_rests_on() -> None:
    """Another weight, tag, count or foreign rule begins the looks anew; another health does not."""
    first = looked(None, changed(AT_REST, taken_at_s=NOW_S - 9.0))
    assert (first.since_s, first.until_s) == (NOW_S - 9.0, NOW_S - 9.0)
    same = looked(first, replace(AT_REST, healthy={Slot.A: 1}).seen())
    assert (same.since_s, same.until_s) == (NOW_S - 9.0, NOW_S)
    for other in (
        LED.seen(),
        replace(AT_REST, move=f"d8.a.b.done.{LONG_AGO}").seen(),
        with_service(AT_REST, Slot.A, desired=3),
        changed(AT_REST, strangers=("rule 40",)),
    ):
        assert looked(first, other).since_s == NOW_S
