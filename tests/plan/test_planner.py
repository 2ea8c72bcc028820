"""What is decided in scenes that whole runs seldom reach: races, named ways back, first deployments."""

from dataclasses import replace

import pytest

import seen
from plan import scenes
from plan.scenes import NOW_S, Scene, decide, sentences
from plan.words import (
    BACK_A,
    BACK_B,
    EVERY,
    HALF,
    MARKED,
    PREPARED,
    ROUTE_2,
    TAKEN_BACK,
    TENTH,
    TO_A_1,
    TO_A_2,
    TO_B_1,
    T,
    redirected,
    scene,
)
from teal.model.decision import Finished, Refused, Steps
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Intent, Rollback
from teal.model.snapshot import Snapshot
from teal.model.step import CreateRoute
from teal.model.tags import VERDICT
from teal.plan.back import named_way_back, pause
from teal.plan.facts import Facts
from teal.plan.forward import add_routes, again, proceed
from teal.plan.planner import plan
from teal.plan.standing import written


@pytest.mark.parametrize("intent", EVERY)
@pytest.mark.parametrize(
    ("found", "steps"),
    [
        (scene("held", 0, 0, b="d7.42.back"), [TAKEN_BACK]),
        (scene("prepare", TENTH, 0, b="d7.42.back"), [TO_A_1, TAKEN_BACK]),
        (scene("shift", 0, HALF, b="d7.42.back"), [TO_A_2, TAKEN_BACK]),
        (scene("shift", TENTH, 1), [TO_A_1, TO_A_2, BACK_B, TAKEN_BACK]),
        (scene("shift", TENTH, 0, TENTH), [TO_A_1, TO_A_1.replace("20", "22"), BACK_B, TAKEN_BACK]),
        (scene("shift", 0, 1, b="d7.42.served"), [TO_A_2, BACK_B, TAKEN_BACK]),
        (scene("done", 0, 1, b="d7.42.served"), [TO_A_2, BACK_B, TAKEN_BACK]),
        (scene("done", 0, 0, b="d7.42.back"), [TAKEN_BACK]),
        (scene("back", 0, 0), [BACK_B]),
    ],
)
def test_an_interrupted_way_back_is_finished_first(intent: Intent, found: Scene, steps: list[str]) -> None:
    """Whatever is asked, what was on its way back goes back first; a rollback is a judgement, nothing else is."""
    decision = decide(intent, found)
    assert isinstance(decision, Steps)
    assert decision.settles
    marked = [*steps[:-1], MARKED, steps[-1]] if steps[-1] == TAKEN_BACK else steps
    assert sentences(decision) == (marked if isinstance(intent, Rollback) else steps)


LATE = [
    (scene("prepare", TENTH, 0), "record that a move a → b is being prepared", [TO_A_1]),
    (scene("held", TENTH, 0), "record that slot b is held, tasted and ready", [TO_A_1]),
    (scene("back", 0, TENTH, b="d7.42.back"), TAKEN_BACK, [TO_A_2]),
    (scene("back", 0, TENTH), TAKEN_BACK, [TO_A_2, BACK_B]),
]


@pytest.mark.parametrize("intent", EVERY)
@pytest.mark.parametrize(("found", "again", "steps"), LATE)
def test_a_late_forward_write_is_undone_first(intent: Intent, found: Scene, again: str, steps: list[str]) -> None:
    """Weight in a move that does not shift goes to blue; its time is written anew, before that by whoever can wait."""
    first = sentences(decide(intent, found))
    if isinstance(intent, Rollback | Abort):
        assert first == steps
        return
    assert first == [again]
    snapshot = found.seen()
    assert sentences(decide(intent, found, run_knows=scenes.run(own_move=snapshot.move))) == steps


@pytest.mark.parametrize("intent", EVERY)
def test_it_is_recorded_when_a_late_write_was_undone(intent: Intent) -> None:
    """The 120 s of a slot that a run has just taken a late weight from count from now, not from the move's end."""
    undone = scene("back", 0, 0, b="d7.42.back")
    decision = decide(intent, undone, run_knows=scenes.run(weights=written(undone.seen(), NOW_S)))
    assert sentences(decision) == [TAKEN_BACK]


def test_a_rollback_of_a_late_forward_write_has_gone_back() -> None:
    """Where the run itself has just sent production to blue, `rollback` ends well; the deployment is not touched."""
    found = scene("held", 0, 0)
    known = scenes.run(went_back=found.seen().move, weights=written(found.seen(), NOW_S))
    assert sentences(decide(Rollback(), found, run_knows=known)) == ["record that slot b is held, tasted and ready"]
    recorded = replace(found, move=f"d7.a.b.held.{int(NOW_S)}")
    decision = decide(Rollback(), recorded, run_knows=replace(known, own_move=recorded.seen().move))
    assert isinstance(decision, Finished)
    assert (decision.exit_code, decision.message) == (0, "production is with slot a")


@pytest.mark.parametrize("intent", EVERY)
def test_a_rollback_onto_the_untouched_revision_is_finished(intent: Intent) -> None:
    """Row 9: the second route follows, slot a is back, and the move that brought it is the one taken back."""
    decision = decide(intent, scene("prepare", 1, 0, b="d2.40.served"))
    assert sentences(decision) == [
        f"send 100 % → slot b on {ROUTE_2}",
        BACK_A,
        "record that the move b → a was taken back",
    ]


@pytest.mark.parametrize("intent", EVERY)
@pytest.mark.parametrize(
    "found",
    [
        Scene(shares=(0, 1), a="", b=""),
        scene("held", 0, b="d2.42"),
        scene("shift", HALF, b=None),
        scene("done", 1, b="d7.42"),
        Scene(shares=(None,), a="d1.41.served", b="d2.42"),
    ],
)
def test_what_cannot_be_explained_names_both_ways_out(intent: Intent, found: Scene) -> None:
    """Rows 2, 22 and 23: exit 7, and nobody guesses."""
    decision = decide(intent, found)
    assert isinstance(decision, Refused)
    assert (decision.exit_code, "--to-slot a" in decision.hint, "--to-slot b" in decision.hint) == (7, True, True)


@pytest.mark.parametrize(
    ("found", "slot", "steps"),
    [
        (
            Scene(shares=(0, 1), a="", b=""),
            Slot.A,
            [TO_A_2, "record that slot b was taken back with revision 41", TAKEN_BACK],
        ),
        (scene("held", 0, b="d2.42"), Slot.A, [BACK_B, TAKEN_BACK]),
        (
            scene("done", 1, b="d7.42.served"),
            Slot.A,
            [TO_A_1, BACK_B, TAKEN_BACK],
        ),
        (Scene(shares=(HALF,), b=None), Slot.A, [TO_A_1, "record that the move nothing → a is done"]),
        (
            Scene(shares=(HALF,), a="", b=None),
            Slot.A,
            [TO_A_1, "record that slot a serves revision 40", "record that the move nothing → a is done"],
        ),
        (
            Scene(move=f"d7.a.b.back.{T}", shares=(0,), b="d7.42.back"),
            Slot.B,
            [TO_B_1, BACK_A, "record that the move b → a was taken back"],
        ),
    ],
)
def test_a_named_slot_gets_everything_and_it_is_recorded_so_that_it_can_be_read(
    found: Scene, slot: Slot, steps: list[str]
) -> None:
    """`rollback --to-slot` needs no tags: routes first, then tags from which the next command reads a row at rest."""
    assert sentences(decide(Rollback(to_slot=slot), found)) == steps


@pytest.mark.parametrize(
    ("found", "intent", "exit_code", "message"),
    [
        (scene("done", 1, b="d7.42.served"), Rollback(to_slot=Slot.B), 0, "nothing to roll back: slot b serves"),
        (scene("back", 0, b="d7.42.back"), Rollback(to_slot=Slot.A), 0, "nothing to roll back: slot a serves"),
        (
            Scene(shares=(0,), b=None),
            Rollback(to_slot=Slot.B),
            5,
            "slot b has no service",
        ),
        (
            replace(scene("done", 1, b="d7.42.served"), healthy={Slot.A: 0}),
            Rollback(to_slot=Slot.A),
            5,
            "slot a has no healthy target in shop-web-a: production stays where it is",
        ),
        (
            replace(scene("done", 1, b="d7.42.served"), healthy={Slot.A: 0}),
            Rollback(),
            5,
            "slot a has no healthy target in shop-web-a: production stays where it is",
        ),
        (
            replace(scene("shift", HALF), healthy={Slot.A: 0}),
            Abort(),
            5,
            "slot a has no healthy target in shop-web-a: production stays where it is",
        ),
        (
            Scene(move=f"d7.a.b.done.{T}", shares=(1,), a=None, b="d7.42.served"),
            Rollback(),
            5,
            "nothing to go back to: what serves is the first deployment; nothing served before it",
        ),
        (Scene(shares=(None,), a=None, b=None), Rollback(), 5, "nothing to go back to: nothing serves yet"),
        (Scene(shares=(None,), a=None, b=None), Abort(), 0, "nothing to abort"),
        (Scene(shares=(None,), a=None, b=None), Flip(), 5, "there is nothing to flip to"),
        (Scene(shares=(None,), a=None, b="d7.42.back"), Abort(), 0, "nothing to abort"),
        (
            Scene(shares=(None,), a=None, b="d7.42.back"),
            Deploy(),
            7,
            "this content is revision 42, which was rolled back",
        ),
        (
            replace(scene("prepare", 0, b="d2.40.served"), healthy={Slot.B: 0}),
            Rollback(),
            5,
            "nothing to go back to: the previous revision is not whole and healthy any more",
        ),
        (scene("prepare", 0), Rollback(), 5, "nothing to go back to: there was none before"),
        (
            replace(scene("held", 0), before="d0.40.served"),
            Rollback(),
            5,
            "nothing to go back to: this deployment ended the rollback to revision 40",
        ),
        (Scene(shares=(0,), a="", b=None), Flip(), 0, "nothing to flip: revision 40 serves"),
        (
            replace(scene("done", 1, b=None), b=None),
            Flip(),
            7,
            "where things stand cannot be explained: unknown: the service was made anew behind teal",
        ),
    ],
)
def test_what_is_not_done_says_why(found: Scene, intent: Intent, exit_code: int, message: str) -> None:
    """A refusal, and a command that finds nothing to do, says in one sentence what stands where."""
    decision = decide(intent, found)
    assert isinstance(decision, Finished | Refused)
    assert (decision.exit_code, decision.message) == (exit_code, message)


@pytest.mark.parametrize(("running", "exit_code"), [(2, 0), (1, 0), (0, 5), (None, 0)])
def test_where_health_is_not_known_the_tasks_are_asked(running: int | None, exit_code: int) -> None:
    """A way back whose targets AWS does not tell is taken where tasks run, or nobody knows; not where none does."""
    found = scene("shift", HALF).seen()
    state = found.slot(Slot.A)
    assert state.service is not None
    service = None if running is None else replace(state.service, running=running)
    state = replace(state, service=service, groups=(replace(state.groups[0], targets=None),))
    world = replace(found, slots={**found.slots, Slot.A: state}, services_known=running is not None)
    decision = plan(Rollback(), scenes.spec(), world, scenes.run(), NOW_S)
    assert decision.exit_code == exit_code
    if isinstance(decision, Refused):
        assert decision.message == "slot a has no healthy target in shop-web-a: production stays where it is"


@pytest.mark.parametrize("found", [scene("done", 1, b="d7.42.served"), Scene(shares=(HALF,), a="")])
def test_force_goes_to_a_slot_without_health(found: Scene) -> None:
    """`--force` sends production to a slot although it is seen to have no healthy target."""
    dead = replace(found, healthy={Slot.A: 0})
    assert sentences(decide(Rollback(force=True, to_slot=Slot.A), dead))[0] == TO_A_1
    if found.move:
        assert sentences(decide(Rollback(force=True), dead))[0] == TO_A_1


def test_abort_of_a_first_deployment_that_served_records_that_it_is_done() -> None:
    """A first deployment that only lacks its last tag is done: abort does not take production away."""
    found = Scene(move=f"d7.none.b.shift.{T}", shares=(1,), a=None, b="d7.42.served")
    assert sentences(decide(Abort(), found)) == ["record that the move nothing → b is done"]


@pytest.mark.parametrize("intent", [Deploy(), Flip()])
def test_a_missing_route_is_created_straight_to_what_serves(intent: Intent) -> None:
    """Deploying what serves makes the configured routes that are missing, and says so; without `create` it does not."""
    found = Scene(move=f"d7.a.b.done.{T}", shares=(1, None), b="d7.42.served", create=True)
    assert sentences(decide(intent, found)) == ["create production rule shop:443 rule by its conditions → slot b"]
    assert isinstance(decide(Deploy(), replace(found, create=False)), Finished)


def test_content_that_was_judged_ends_its_own_announcement() -> None:
    """A run that was killed after its verdict leaves an announcement: it is ended before the content is refused."""
    found = scene("prepare", 0, b="d2.40.served").seen()
    arn = seen.definition_arn(42)
    marked = replace(found.definitions[arn], tags={VERDICT: "back.1"})
    world = replace(found, definitions={**found.definitions, arn: marked})
    ended = plan(Deploy(), scenes.spec(), world, scenes.run(), NOW_S)
    assert sentences(ended) == ["record that the move b → a is done"]
    assert isinstance(ended, Steps)
    assert ended.settles  # and then it is refused
    resting = replace(scene("done", 1, b="d7.40.served").seen(), definitions=world.definitions)
    refused = plan(Deploy(), scenes.spec(), resting, scenes.run(), NOW_S)
    assert (refused.exit_code, isinstance(refused, Refused)) == (7, True)


@pytest.mark.parametrize(
    ("intent", "image", "first"),
    [
        (Deploy(again=True), "shop/web:1.42", "record that slot b shall hold revision 42"),
        (Deploy(), "shop/web:1.43", "record that slot b shall hold revision 43"),
    ],
)
def test_a_first_deployment_that_was_aborted_is_taken_up(intent: Deploy, image: str, first: str) -> None:
    """Without a production rule, what was aborted wants `--again`, and anything else takes its place."""
    found = Scene(shares=(None,), a=None, b="d7.42.back", create=True)
    assert sentences(decide(intent, found, wanted=scenes.spec(create=True, image=image)))[0] == first


def test_a_first_deployment_under_way_is_gone_on_with_or_superseded() -> None:
    """Without a production rule the bare tag is the state: the same content goes on, another begins anew."""
    found = Scene(shares=(None,), a=None, b="d7.42", create=True)
    assert sentences(decide(Deploy(), found))[0].startswith("wait until slot b is whole")
    other = scenes.spec(create=True, image="shop/web:1.43")
    assert sentences(decide(Deploy(), found, wanted=other))[0] == "record that slot b shall hold revision 43"
    knows = scenes.run(whole_since_s=NOW_S - 40, passed=frozenset({"identity"}))
    held = decide(Deploy(hold=True), found, run_knows=knows)
    assert isinstance(held, Finished)
    assert held.message == "revision 42 is held in slot b, tasted, without traffic"


def test_routes_whose_tags_differ_are_aligned_first() -> None:
    """Where the newest tag reached only some of the routes, the others get it before anything else."""
    moves = (f"d7.a.b.prepare.{T}", f"d7.a.b.prepare.{T - 5}")
    assert sentences(decide(Deploy(), Scene(shares=(0, 0), moves=moves, b="d7.42")))[0] == PREPARED


@pytest.mark.parametrize("create", [False, True])
def test_a_missing_route_is_not_shifted(create: bool) -> None:  # noqa: FBT001 - a table's column
    """A configured route that does not exist is left out of a shift, nor made then, straight to a green half tasted."""
    found = replace(scene("shift", HALF), shares=(HALF, None), create=create)
    steps = [words for words in sentences(decide(Deploy(), found)) if words.startswith(("send", "create"))]
    assert steps == [TO_B_1.replace("rule 20", "rule by its conditions") if create else TO_B_1]


def test_a_first_deployment_makes_only_routes_that_say_how() -> None:
    """A route without `create` is somebody else's to make."""
    found = Scene(move=f"d7.none.b.shift.{T}", shares=(None, None), a=None, b="d7.42", create=True).seen()
    kept = replace(found.routes[1], spec=replace(found.routes[1].spec, create=None))
    world = replace(found, routes=(found.routes[0], kept))
    steps = proceed(Facts.of(scenes.spec(2), world, scenes.run(), NOW_S), hold=False)
    assert len([step for step in steps if isinstance(step, CreateRoute)]) == 1


@pytest.mark.parametrize(
    ("found", "intent", "reason"),
    [
        (redirected(scene("shift", HALF, HALF), 0), Rollback(), ""),
        (redirected(scene("shift", HALF, HALF), 0), Deploy(), "drift: "),
        (redirected(redirected(scene("shift", HALF, HALF), 0), 1), Rollback(), "drift: "),
        (redirected(scene("back", 0, 0, b="d7.42.back"), 0), Rollback(), "drift: "),
    ],
)
def test_a_drifted_route_is_left_to_a_person(found: Snapshot, intent: Intent, reason: str) -> None:
    """The way back goes on with the routes that are still teal's, and ends with exit 7 for the others."""
    decision = plan(intent, scenes.spec(2), found, scenes.run(), NOW_S)
    if reason:
        assert isinstance(decision, Refused)
        assert (decision.exit_code, decision.message.startswith(reason)) == (7, True)
    else:
        assert sentences(decision) == [TO_A_2, BACK_B, MARKED, TAKEN_BACK]


def facts_of(found: Scene) -> Facts:
    """Return the facts of a scene."""
    return Facts.of(scenes.spec(len(found.shares)), found.seen(), scenes.run(), NOW_S)


def test_where_nothing_is_there_nothing_is_planned() -> None:
    """The readings of what is there are total: without a deployment, a service or a live slot they plan nothing."""
    nothing = facts_of(Scene(shares=(None,), a=None, b=None))
    assert (proceed(nothing, hold=False), again(nothing, "d9"), pause(nothing)) == ((), (), ())
    assert (add_routes(nothing), nothing.live_revision(Slot.A)) == ((), None)
    assert named_way_back(facts_of(Scene(shares=(0,), a=None, b=None)), Slot.A) == ()
    assert nothing.revision == 0


def test_what_is_in_hand_is_the_move_under_way_or_the_next_one() -> None:
    """While a move is under way its slot is in hand, also once it has all the traffic; at rest the idle slot is."""
    assert [facts_of(found).in_hand.to for found in (scene("held", 0), scene("shift", HALF), scene("shift", 1))] == [
        Slot.B
    ] * 3
    resting = (scene("done", 1, b="d7.42.served"), scene("back", 0, b="d7.42.back"), Scene(shares=(1,), a="", b=""))
    assert [facts_of(found).in_hand.to for found in resting] == [Slot.A, Slot.B, Slot.A]
    nobody = facts_of(Scene(move=f"d7.none.b.back.{T}", shares=(0,), a=None, b="d7.42.back"))
    assert nobody.in_hand is nobody
