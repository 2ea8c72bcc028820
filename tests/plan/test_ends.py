"""How a decision ends: the sentence that is true then, the exit code, what it costs, what it leaves to be decided."""

from dataclasses import replace
from functools import partial

import pytest

import seen
from plan import scenes
from plan.scenes import NOW_S, Scene, decide, sentences
from plan.words import BACK_B, HALF, TAKEN_BACK, TENTH, T, scene
from teal.model.decision import Decision, Refused, Steps
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Intent, Rollback, TurnBack
from teal.model.tags import DeploymentTag, MoveTag, parse_move
from teal.plan.planner import plan

SICK = TurnBack(reason="sick")
REST = scene("done", 1, b="d7.42.served")
BACK = scene("back", 0, b="d7.42.back")
NOTHING_GOOD = scene("prepare", 0, b="d2.42.back")
UNTOUCHED = scene("prepare", 0, b="d2.40.served")
BARE = Scene(shares=(None,), a=None, b="d7.42", create=True)
LATELY = int(NOW_S) - 400  # a weight announced then has landed, and has not baked
DONE = "the move to revision 42 is done; then the new one starts"
SAME, KNOWN, NEW = "shop/web:1.42", "shop/web:1.43", "shop/web:new"


def decided(intent: Intent, found: Scene, image: str = SAME, **known: object) -> Decision:
    """Return what is decided where an image is configured; `shop/web:1.42` is revision 42."""
    wanted = scenes.spec(len(found.shares), create=found.create, image=image)
    return decide(intent, found, wanted=wanted, run_knows=scenes.run(**known))


@pytest.mark.parametrize(
    ("intent", "found", "image", "ends"),
    [
        (Deploy(), REST, KNOWN, "revision 43 serves from slot a"),
        (Deploy(), REST, NEW, "the new revision serves from slot a"),
        (Deploy(hold=True), REST, KNOWN, "revision 43 is held in slot a, tasted, without traffic"),
        (Deploy(), scene("prepare", 0), SAME, "revision 42 serves"),
        (Deploy(hold=True), scene("prepare", 0), SAME, "revision 42 is held"),
        (Deploy(restart=True), scene("prepare", 0), SAME, "revision 42 serves"),  # it is under way
        (Deploy(), scene("prepare", 0), KNOWN, "revision 43 serves from slot b"),
        (Deploy(replace=True), scene("held", 0), KNOWN, "revision 43 serves from slot b"),
        (Deploy(again=True), BACK, SAME, "revision 42 serves"),
        (
            Deploy(restart=True),
            BACK,
            SAME,
            "the new revision serves from slot b",
        ),  # made anew, it is not what went back
        (Deploy(restart=True), replace(BARE, b="d7.42.back"), SAME, "the new revision serves from slot b"),
        (Deploy(again=True), replace(BARE, b="d7.42.back"), SAME, "revision 42 serves"),
        (Deploy(), replace(BARE, b=None), KNOWN, "revision 43 serves from slot a"),
        (Flip(), scene("held", 0), SAME, "revision 42 serves"),
        (Flip(again=True), BACK, SAME, "revision 42 serves"),
        (Flip(again=True), NOTHING_GOOD, SAME, "revision 42 serves"),
        (Rollback(), REST, SAME, "production is with slot a"),
        (Rollback(), UNTOUCHED, SAME, "production is with slot b, revision 40"),
        (Rollback(to_slot=Slot.A), Scene(shares=(HALF,), a=""), SAME, "production is with slot a"),
        (Abort(), scene("shift", HALF), SAME, "production is with slot a: aborted by a person"),
        (Abort(), BARE, SAME, "production is with slot none, as before: aborted by a person"),
    ],
)
def test_a_plan_says_what_is_true_when_it_is_done(intent: Intent, found: Scene, image: str, ends: str) -> None:
    """Whoever approves a plan reads first what will be true at its end: which revision serves, from where."""
    decision = decided(intent, found, image)
    assert isinstance(decision, Steps)
    assert (decision.ends, decision.exit_code, decision.settles) == (ends, 0, False)


@pytest.mark.parametrize(
    ("intent", "found", "image", "ends"),
    [
        (Deploy(), scene("shift", 1, b="d7.42.served"), KNOWN, DONE),
        (Deploy(), scene("shift", 1), KNOWN, DONE),
        (Deploy(), scene("shift", HALF, b="d7.42.back"), KNOWN, "the interrupted way back is finished"),
        (Deploy(), scene("prepare", 1, b="d2.40.served"), SAME, "the interrupted rollback is finished"),
        (Deploy(), scene("prepare", TENTH), SAME, "the late forward write is undone"),
        (Abort(), scene("prepare", TENTH), SAME, "the late forward write is undone"),
        (Deploy(), scene("shift", 0), SAME, "the move that did not shift is recorded as taken back"),
    ],
)  # fmt: skip
def test_what_is_settled_first_leaves_the_rest_to_be_decided(
    intent: Intent, found: Scene, image: str, ends: str
) -> None:
    """What was interrupted is finished, and then what was asked is decided anew: it is not the end."""
    decision = decided(intent, found, image)
    assert isinstance(decision, Steps)
    assert (decision.ends, decision.settles) == (ends, True)


@pytest.mark.parametrize("intent", [Deploy(), Flip()])
@pytest.mark.parametrize("image", [SAME, KNOWN])
@pytest.mark.parametrize("origin", ["none", "a"])
@pytest.mark.parametrize("held", [42, 43])
def test_what_has_served_and_is_no_more_is_recorded(intent: Intent, image: str, origin: str, held: int) -> None:
    """A first deployment whose revision somebody replaced since: asking for it would fail for ever."""
    found = Scene(move=f"d7.{origin}.b.shift.{T}", shares=(1,), b="d7.42.served").seen()
    theirs = seen.service(Slot.B, held, deployment="d7.42.served")
    found = replace(found, slots={**found.slots, Slot.B: seen.slot_state(Slot.B, theirs)})
    decision = plan(intent, scenes.spec(1, image=image), found, scenes.run(), NOW_S)
    assert isinstance(decision, Steps)
    recorded = f"record that the move {'nothing' if origin == 'none' else origin} → b is done"
    gone = "the move to revision 42 is done; revision 43 has its place"
    assert sentences(decision)[-1] == recorded
    assert (decision.ends == gone and decision.settles) is (origin == "none" and held == 43)


def test_the_bake_is_over_before_the_next_deployment_cuts_in() -> None:
    """A green that has baked for exactly as long as asked is recorded as served, and held no longer."""
    baked = int(NOW_S) - 661  # its second, a minute to send the weight, five until AWS refuses it, and the bake
    for at_s, exit_code in ((baked, 0), (baked + 1, 6)):
        assert decided(Deploy(), scene("shift", 1, at_s=at_s), KNOWN).exit_code == exit_code
    done = decided(Deploy(), scene("shift", 1, at_s=baked), KNOWN)
    assert sentences(done) == ["record that slot b serves revision 42", "record that the move a → b is done"]


@pytest.mark.parametrize(
    ("intent", "found", "image", "exit_code", "message"),
    [
        (Deploy(), scene("held", 0), KNOWN, 6, "revision 42 is held in slot b"),
        (Deploy(), scene("held", 0), SAME, 0, "revision 42 is held in slot b, tasted, without traffic"),
        (Deploy(), scene("shift", HALF), KNOWN, 6, "the move to revision 42 is under way: shifting"),
        (Deploy(), scene("shift", 1, at_s=LATELY), KNOWN, 6, "the move to revision 42 is under way: baking"),
        (Deploy(), BACK, SAME, 7, "this content is revision 42, which was rolled back"),
        (Deploy(), REST, SAME, 0, "revision 42 serves: nothing to do"),
        (Flip(), BACK, SAME, 7, "revision 42 was taken back"),
        (Flip(), NOTHING_GOOD, SAME, 5, "there is nothing to flip to"),
        (Flip(again=True), scene("prepare", 0, b="d2.42"), SAME, 5, "there is nothing to flip to"),
        (Flip(again=True), UNTOUCHED, SAME, 5, "there is nothing to flip to"),
        (Flip(again=True), scene("prepare", 0, b=None), SAME, 5, "there is nothing to flip to"),
        (Flip(), REST, SAME, 0, "nothing to flip: revision 42 serves"),
        (Rollback(), Scene(shares=(0,), a="", b=None), SAME, 5, "nothing to go back to: no move is on record"),
        (Rollback(), NOTHING_GOOD, SAME, 5, "nothing to go back to: the idle slot holds nothing good"),
    ],
)
def test_what_is_not_done_says_where_things_stand(
    intent: Intent, found: Scene, image: str, exit_code: int, message: str
) -> None:
    """Nothing is done where nothing is to do, or where somebody has to choose: the reason names revision and slot."""
    decision = decided(intent, found, image)
    assert not isinstance(decision, Steps)
    assert (decision.exit_code, decision.message) == (exit_code, message)


def test_a_restart_is_over_when_it_has_been_done_once() -> None:
    """`--restart` deploys what serves anew, and then finds that it serves; that it went back does not count."""
    own = parse_move(REST.move)
    assert isinstance(decided(Deploy(restart=True), REST), Steps)
    assert not isinstance(decided(Deploy(restart=True), REST, own_move=own), Steps)
    blue = decided(Deploy(restart=True), BACK, "shop/web:1.41", own_move=parse_move(BACK.move))
    assert isinstance(blue, Steps)
    assert blue.ends == "the new revision serves from slot b"


def test_one_task_is_enough_to_go_back_to() -> None:
    """An app of one task has a way back as any other: the untouched slot that still runs it."""
    found = UNTOUCHED.seen()
    one = seen.slot_state(Slot.B, seen.service(Slot.B, 40, desired=1, running=1, deployment="d2.40.served"), healthy=1)
    decision = plan(Rollback(), scenes.spec(), replace(found, slots={**found.slots, Slot.B: one}), scenes.run(), NOW_S)
    assert isinstance(decision, Steps)
    assert decision.ends == "production is with slot b, revision 40"


def test_a_slot_that_holds_two_revisions_serves_neither() -> None:
    """Where somebody updated the live service, the content goes to the idle slot; it is not called rolled back."""
    found = REST.seen()
    two = seen.slot_state(Slot.B, seen.service(Slot.B, 42, 40, deployment="d7.42.served"))
    decision = plan(
        Deploy(), scenes.spec(), replace(found, slots={**found.slots, Slot.B: two}), scenes.run(), NOW_S
    )  # fmt: skip
    assert isinstance(decision, Steps)
    assert decision.ends == "revision 42 serves from slot a"


@pytest.mark.parametrize(
    ("found", "warnings"),
    [
        (REST, ("this ends the rollback to revision 41: slot a is deployed over",)),
        (BACK, ()),
        (Scene(move=f"d7.none.b.done.{T}", shares=(1,), a=None, b="d7.42.served"), ()),
    ],
)
def test_a_deployment_says_which_way_back_it_ends(found: Scene, warnings: tuple[str, ...]) -> None:
    """Deploying over what served before ends the rollback to it, and the plan says so; else there is nothing to say."""
    decision = decided(Deploy(), found, KNOWN)
    assert isinstance(decision, Steps)
    assert decision.warnings == warnings


def test_the_newest_of_several_equal_revisions_is_used() -> None:
    """Content that was registered twice is deployed from its newest revision; nothing is registered a third time."""
    found = REST.seen()
    twin = replace(found.definitions[seen.definition_arn(39)], body=seen.body(KNOWN))
    world = replace(found, definitions={**found.definitions, twin.arn: twin})
    decision = plan(Deploy(), scenes.spec(image=KNOWN), world, scenes.run(), NOW_S)
    assert isinstance(decision, Steps)
    assert decision.ends == "revision 43 serves from slot a"


SIGNAL = TurnBack(reason="stopped by signal 15", judged=False, pause=True)


@pytest.mark.parametrize("found", [scene("shift", HALF), scene("held", 0)])
def test_a_stopped_run_ends_as_a_signal_ends_one(found: Scene) -> None:
    """With something to undo or without: 130, and the same command goes on."""
    decision = decided(Deploy(), found, turn_back=SIGNAL)
    assert (decision.exit_code, isinstance(decision, Refused)) == (130, False)


@pytest.mark.parametrize(
    ("intent", "why", "before", "exit_code"),
    [
        (Deploy(), 4, "d2.40.served", 4),
        (Flip(), 4, "d2.40.served", 4),
        (Flip(), 5, "d2.40.back", 5),
        (Abort(), 4, "d2.40.served", 0),
        (Abort(), 5, "d2.40.served", 5),  # what served before could not be put back: a person has to know
        (Abort(), 5, "d2.40.back", 0),
        (Abort(), 5, "", 0),
        (Abort(), 7, "d2.40.served", 7),
        (Abort(), 7, "", 7),
    ],
)
def test_a_run_that_went_back_ends_as_it_was_asked(intent: Intent, why: int, before: str, exit_code: int) -> None:
    """To go back is a failure of `deploy` and `flip`; `abort` asked for it, and fails only where something is lost."""
    turned = TurnBack(reason="sick", judged=False, exit_code=why)
    held = replace(scene("held", 0), before=before)
    going, gone = (
        decided(intent, held, turn_back=turned),
        decided(intent, replace(BACK, before=before), turn_back=turned),
    )
    assert (going.exit_code, gone.exit_code, isinstance(going, Steps)) == (exit_code, exit_code, True)


@pytest.mark.parametrize(
    ("stage", "whole", "put_back"),
    [("prepare", True, False), ("prepare", False, True), ("held", False, False), ("held", True, False)],
)
def test_abort_puts_back_what_is_not_whole_yet(stage: str, whole: bool, put_back: bool) -> None:  # noqa: FBT001 - a table's columns
    """A newcomer that is whole is kept for a look, and so is one that was held; half a one is replaced by what was."""
    found = replace(scene(stage, 0), before="d2.40.served").seen()
    service = found.slot(Slot.B).service
    assert service is not None
    rolling = tuple(replace(each, rollout_state="IN_PROGRESS") for each in service.deployments)
    state = replace(found.slot(Slot.B), service=service if whole else replace(service, deployments=rolling))
    decision = plan(Abort(), scenes.spec(), replace(found, slots={**found.slots, Slot.B: state}), scenes.run(), NOW_S)
    put = "put service shop-web-b (slot b) back to revision web:40"
    assert sentences(decision)[:1] == [put if put_back else BACK_B]
    assert put_back or sentences(decision) == [BACK_B, TAKEN_BACK]


@pytest.mark.parametrize(
    ("found", "intent", "tags"),
    [
        (scene("shift", HALF), Rollback(), ["d7.42.back", f"d7.a.b.back.{int(NOW_S)}"]),
        (UNTOUCHED, Rollback(), ["d1.41.back", f"d1.b.a.back.{int(NOW_S)}"]),
        (replace(UNTOUCHED, a="d1.41.back"), Rollback(), [f"d1.b.a.back.{int(NOW_S)}"]),
        (replace(UNTOUCHED, a=""), Rollback(), [f"adopted.b.a.back.{int(NOW_S)}"]),
        (UNTOUCHED, Abort(), [f"d1.b.a.done.{int(NOW_S)}"]),
        (replace(UNTOUCHED, a=""), Abort(), [f"adopted.b.a.done.{int(NOW_S)}"]),
        (NOTHING_GOOD, Abort(), [f"d2.a.b.back.{int(NOW_S)}"]),
        (scene("prepare", 0, b="d2.42"), Abort(), [f"d2.a.b.prepare.{int(NOW_S)}"]),
    ],
)
def test_the_record_of_a_way_back_names_the_deployment_that_it_is_of(
    found: Scene, intent: Intent, tags: list[str]
) -> None:
    """What is recorded carries the id and the slots of the deployment whose move is taken back, or stands again."""
    decision = decided(intent, found)
    assert isinstance(decision, Steps)
    written = [getattr(step, "tag", None) for step in decision.steps]
    assert [str(tag) for tag in written if isinstance(tag, MoveTag | DeploymentTag)] == tags


@pytest.mark.parametrize(
    "found",
    [
        scene("prepare", 0, 0),
        scene("held", 0, 0),
        scene("shift", HALF, 0),
        scene("done", 1, 1, b="d7.42.served"),
        scene("back", 0, 0, b="d7.42.back"),
    ],
)
@pytest.mark.parametrize(
    ("intent", "why"),
    [(Rollback(), None), (Abort(), None), (Deploy(), SICK), (Flip(), SICK), (Flip(), replace(SICK, pause=True))],
    ids=str,
)
def test_a_way_back_is_of_one_move(intent: Intent, why: TurnBack | None, found: Scene) -> None:
    """Who sends production back, and wakes to another move, leaves that alone: 6; the same command anew is asked."""
    known = partial(scenes.run, turn_back=why)
    move = found.seen().move
    assert move is not None
    began = replace(move, id="d3")
    since_s = float(move.entered_at_s)
    decision = decide(intent, found, run_knows=known(went_back=began, started_at_s=since_s))
    assert isinstance(decision, Refused)
    assert (decision.exit_code, decision.message) == (6, f"another run went on with this app: {move}")
    own = decide(intent, found, run_knows=known(went_back=began, own_move=move, started_at_s=since_s))
    same = decide(intent, found, run_knows=known(went_back=move, started_at_s=since_s))
    stale = decide(intent, found, run_knows=known(went_back=began, started_at_s=since_s + 1.0))
    named = decide(Rollback(to_slot=Slot.A), found, run_knows=scenes.run(went_back=began, started_at_s=since_s))
    forward = decide(Deploy(), found, run_knows=scenes.run(went_back=began, started_at_s=since_s))
    later, earlier = (replace(began, entered_at_s=move.entered_at_s + after_s) for after_s in (0, -1))
    lost = decide(intent, found, run_knows=known(went_back=began, own_move=later, started_at_s=since_s))
    over = decide(intent, found, run_knows=known(went_back=began, own_move=earlier, started_at_s=since_s))
    assert over == decision
    for other in (own, same, stale, named, forward, lost):
        assert not isinstance(other, Refused) or other.exit_code != 6
