"""What is decided in scenes that whole runs seldom reach: races, verdicts, named ways back."""

from dataclasses import replace
from fractions import Fraction

import pytest

from plan import scenes
from plan.scenes import LONG_AGO, NOW_S, Scene, decide, sentences
from teal.model.decision import Finished, Refused, Steps
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Intent, Rollback, TurnBack
from teal.model.spec import Rung
from teal.model.tags import parse_move

T = LONG_AGO
TENTH, HALF = Fraction(1, 10), Fraction(1, 2)
ROUTE_1, ROUTE_2 = "shop:443 rule 20", "shop:443 rule 21"
TO_A_1, TO_A_2 = f"send 100 % → slot a on {ROUTE_1}", f"send 100 % → slot a on {ROUTE_2}"
TO_B_1 = f"send 100 % → slot b on {ROUTE_1}"
BACK_B, BACK_A = "record that slot b was taken back with revision 42", "record that slot a was taken back with revision 41"
TAKEN_BACK = "record that the move a → b was taken back"
PREPARED = "record that a move a → b is being prepared"
MARKED = "mark web:42 as taken back"
EVERY: tuple[Intent, ...] = (Deploy(), Flip(), Rollback(), Abort())


def scene(stage: str, *shares: Fraction | int, b: str | None = "d7.42", at_s: int = T) -> Scene:
    """Return a move d7 from slot a to slot b."""
    return Scene(move=f"d7.a.b.{stage}.{at_s}", shares=shares, b=b)


@pytest.mark.parametrize("intent", EVERY)
@pytest.mark.parametrize(
    ("found", "steps"),
    [
        (scene("held", 0, 0, b="d7.42.back"), [TAKEN_BACK]),
        (scene("prepare", TENTH, 0, b="d7.42.back"), [TO_A_1, TAKEN_BACK]),
        (scene("shift", 0, HALF, b="d7.42.back"), [TO_A_2, TAKEN_BACK]),
        (scene("shift", TENTH, 1), [TO_A_1, TO_A_2, BACK_B, TAKEN_BACK]),
        (scene("shift", 0, 1, b="d7.42.served"), [TO_A_2, BACK_B, TAKEN_BACK]),
        (scene("done", 0, 1, b="d7.42.served"), [TO_A_2, BACK_B, TAKEN_BACK]),
        (scene("done", 0, 0, b="d7.42.back"), [TAKEN_BACK]),
        (scene("back", 0, TENTH, b="d7.42.back"), [TO_A_2]),
        (scene("back", 0, TENTH), [TO_A_2, BACK_B]),
        (scene("back", 0, 0), [BACK_B]),
    ],
)
def test_an_interrupted_way_back_is_finished_first(intent: Intent, found: Scene, steps: list[str]) -> None:
    """Whatever is asked, what was on its way back goes back first; a rollback is a judgement, nothing else is."""
    decision = decide(intent, found)
    assert isinstance(decision, Steps)
    assert decision.settles
    marked = [*steps[:-1], MARKED, steps[-1]] if steps[-1] == TAKEN_BACK else [*steps, MARKED]
    assert sentences(decision) == (marked if isinstance(intent, Rollback) else steps)


@pytest.mark.parametrize("stage", ["prepare", "held"])
@pytest.mark.parametrize("intent", EVERY)
def test_a_late_forward_write_is_undone_first(stage: str, intent: Intent) -> None:
    """Weight in a move that has not shifted goes back to blue; then the command finds the move where it was."""
    assert sentences(decide(intent, scene(stage, TENTH, 0))) == [TO_A_1]


def test_a_rollback_of_a_late_forward_write_has_gone_back() -> None:
    """Where the run itself has just sent production to blue, `rollback` ends well; the deployment is not touched."""
    decision = decide(Rollback(), scene("held", 0, 0), run_knows=scenes.run(rung=Rung.READ_BACK))
    assert isinstance(decision, Finished)
    assert (decision.exit_code, decision.message) == (0, "production is with slot a")


@pytest.mark.parametrize("intent", EVERY)
def test_a_rollback_onto_the_untouched_revision_is_finished(intent: Intent) -> None:
    """Row 9: the second route follows, slot a is back, and the move that brought it is the one taken back."""
    decision = decide(intent, scene("prepare", 1, 0, b="d2.40.served"))
    assert sentences(decision) == [
        f"send 100 % → slot b on {ROUTE_2}", BACK_A, "record that the move b → a was taken back"
    ]  # fmt: skip


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
        (Scene(shares=(0, 1), a="", b=""), Slot.A, [TO_A_2, "record that slot b was taken back with revision 41", TAKEN_BACK]),
        (scene("held", 0, b="d2.42"), Slot.A, [BACK_B, TAKEN_BACK]),
        (
            scene("done", 1, b="d7.42.served"),
            Slot.A,
            [TO_A_1, BACK_B, TAKEN_BACK],
        ),
        (Scene(shares=(HALF,), b=None), Slot.A, [TO_A_1, "record that the move b → a is done"]),
        (Scene(shares=(HALF,), a="", b=None), Slot.A,
         [TO_A_1, "record that slot a serves revision 40", "record that the move b → a is done"]),
        (Scene(move=f"d7.a.b.back.{T}", shares=(0,), b="d7.42.back"), Slot.B, [TO_B_1, BACK_A, "record that the move b → a was taken back"]),
    ],
)  # fmt: skip
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
        (Scene(shares=(0,), b=None), Rollback(to_slot=Slot.B), 5, "slot b has no service, or no production rule exists"),
        (Scene(shares=(None,), a="", b=None), Rollback(to_slot=Slot.A), 5, "slot a has no service, or no production rule exists"),
        (replace(scene("done", 1, b="d7.42.served"), healthy={Slot.A: 0}), Rollback(to_slot=Slot.A), 5,
         "slot a has no healthy target in shop-web-a: production stays where it is"),
        (replace(scene("done", 1, b="d7.42.served"), healthy={Slot.A: 0}), Rollback(), 5,
         "slot a has no healthy target in shop-web-a: production stays where it is"),
        (replace(scene("shift", HALF), healthy={Slot.A: 0}), Abort(), 5,
         "slot a has no healthy target in shop-web-a: production stays where it is"),
        (Scene(move=f"d7.a.b.done.{T}", shares=(1,), a=None, b="d7.42.served"), Rollback(), 5,
         "nothing to go back to: what serves is the first deployment; nothing served before it"),
        (Scene(shares=(None,), a=None, b=None), Rollback(), 5, "nothing to go back to: nothing serves yet"),
        (Scene(shares=(None,), a=None, b=None), Abort(), 0, "nothing to abort"),
        (Scene(shares=(None,), a=None, b=None), Flip(), 5, "there is nothing to flip to"),
        (Scene(shares=(None,), a=None, b="d7.42.back"), Abort(), 0, "nothing to abort"),
        (Scene(shares=(None,), a=None, b="d7.42.back"), Deploy(), 7, "this content is revision 42, which was rolled back"),
        (replace(scene("prepare", 0, b="d2.40.served"), healthy={Slot.B: 0}), Rollback(), 5,
         "nothing to go back to: the previous revision is not whole and healthy any more"),
        (scene("prepare", 0), Rollback(), 5, "nothing to go back to: there was none before"),
        (replace(scene("held", 0), before="d0.40.served"), Rollback(), 5,
         "nothing to go back to: this deployment ended the rollback to revision 40"),
        (Scene(shares=(0,), a="", b=None), Flip(), 0, "nothing to flip: revision 40 serves"),
        (replace(scene("done", 1, b=None), b=None), Flip(), 7, "where things stand cannot be explained: unknown: the service was made anew behind teal"),
    ],
)  # fmt: skip
def test_what_is_not_done_says_why(found: Scene, intent: Intent, exit_code: int, message: str) -> None:
    """A refusal, and a command that finds nothing to do, says in one sentence what stands where."""
    decision = decide(intent, found)
    assert isinstance(decision, Finished | Refused)
    assert (decision.exit_code, decision.message) == (exit_code, message)


@pytest.mark.parametrize("found", [scene("done", 1, b="d7.42.served"), Scene(shares=(HALF,), a="")])
def test_force_goes_to_a_slot_without_health(found: Scene) -> None:
    """`--force` sends production to a slot although it is seen to have no healthy target."""
    dead = replace(found, healthy={Slot.A: 0})
    assert sentences(decide(Rollback(force=True, to_slot=Slot.A), dead))[0] == TO_A_1
    if found.move:
        assert sentences(decide(Rollback(force=True), dead))[0] == TO_A_1


SIGNAL = TurnBack(reason="stopped by signal 15", judged=False, pause=True, exit_code=143)


@pytest.mark.parametrize(
    ("found", "steps"),
    [
        (scene("shift", HALF, HALF), [TO_A_1, TO_A_2, PREPARED]),
        (scene("shift", HALF, TENTH), [TO_A_1, TO_A_2, PREPARED]),
        (scene("shift", 0, TENTH), [TO_A_2, PREPARED]),
        (scene("prepare", TENTH, 0), [TO_A_1, PREPARED]),
        (scene("prepare", 0, 0), []),
        (scene("held", 0, 0), []),
        (scene("shift", 1, 1), []),
        (scene("shift", 0, 0), []),
    ],
)
def test_a_stop_leaves_no_split(found: Scene, steps: list[str]) -> None:
    """A signal while traffic is split: blue gets all, the move is in preparation again; elsewhere nothing is written."""
    decision = decide(Deploy(), found, run_knows=scenes.run(turn_back=SIGNAL))
    assert ([] if isinstance(decision, Finished) else sentences(decision)) == steps


def test_a_stop_takes_its_own_announcement_back() -> None:
    """A shift that this run has announced and not begun is in preparation again, so that the command can go on."""
    knows = scenes.run(turn_back=SIGNAL, own_move=parse_move(f"d7.a.b.shift.{T}"))
    assert sentences(decide(Deploy(), scene("shift", 0, 0), run_knows=knows)) == [PREPARED]


@pytest.mark.parametrize(
    ("age_s", "intent", "exit_code"), [(59, Deploy(), 6), (59, Flip(), 6), (61, Deploy(), 0), (59, Abort(), 0), (1, Rollback(), 0)]
)
def test_an_announcement_is_left_alone_for_a_minute(age_s: int, intent: Intent, exit_code: int) -> None:
    """Row 11: a younger one is somebody at work, an older one did not come to anything."""
    decision = decide(intent, scene("shift", 0, 0, at_s=int(NOW_S) - age_s))
    assert decision.exit_code == exit_code
    if isinstance(decision, Steps):
        marked = [MARKED] if isinstance(intent, Rollback) else []
        assert sentences(decision) == [BACK_B, *marked, TAKEN_BACK]


JUDGED = TurnBack(reason="sick")


@pytest.mark.parametrize(
    ("found", "why", "steps"),
    [
        (scene("shift", HALF), JUDGED, [TO_A_1, BACK_B, MARKED, TAKEN_BACK]),
        (scene("shift", HALF), replace(JUDGED, judged=False), [TO_A_1, BACK_B, TAKEN_BACK]),
        (scene("held", 0), JUDGED, [BACK_B, MARKED, TAKEN_BACK]),
        (scene("prepare", 0), replace(JUDGED, failed=True), [BACK_B, MARKED, TAKEN_BACK]),
        (
            replace(scene("prepare", 0), before="d2.40.served"),
            replace(JUDGED, failed=True),
            ["put service shop-web-b (slot b) back to revision web:40",
             "wait until slot b is whole: 2 tasks of one revision, all healthy", MARKED,
             "record that slot b serves revision 40", "record that the move b → a is done"],
        ),
        (
            replace(scene("prepare", 0), before="d2.42.back"),
            replace(JUDGED, failed=True),
            [MARKED, "record that slot b was taken back with revision 42", TAKEN_BACK],
        ),
        (
            replace(scene("prepare", 0), before="d2.42"),
            replace(JUDGED, failed=True),
            [MARKED, "record that slot b shall hold revision 42", PREPARED],
        ),
        (scene("prepare", 0, b=None), JUDGED, ["record that the move b → a is done"]),
        (Scene(move=f"d7.a.b.prepare.{T}", shares=(0,), a="", b=None), JUDGED, ["record that the move b → a is done"]),
        (Scene(move=f"d7.a.b.prepare.{T}", shares=(1, 0), b="d2.40.served"), JUDGED,
         [f"send 100 % → slot b on {ROUTE_2}", BACK_A, "record that the move b → a was taken back"]),
        (Scene(shares=(None,), a=None, b="d7.42"), JUDGED, [BACK_B, MARKED]),
        (Scene(move=f"d7.none.b.shift.{T}", shares=(1, None), a=None, b="d7.42", create=True), JUDGED,
         ["delete production rule shop:443 rule by its conditions, which this deployment created", BACK_B, MARKED]),
    ],
)  # fmt: skip
def test_a_verdict_goes_back_by_what_the_newcomer_came_to(found: Scene, why: TurnBack, steps: list[str]) -> None:
    """Weights first; one that never became whole is put back to what was before, one that was whole is kept."""
    assert sentences(decide(Deploy(), found, run_knows=scenes.run(turn_back=why))) == steps


@pytest.mark.parametrize(
    "found",
    [
        scene("back", 0, b="d7.42.back"),
        scene("done", 1, b="d7.42.served"),
        Scene(move=f"d7.none.b.shift.{T}", shares=(1,), a=None, b="d7.42.served"),
        Scene(shares=(None,), a=None, b="d7.42.back"),
    ],
)
def test_a_verdict_that_has_nothing_more_to_do_is_over(found: Scene) -> None:
    """At rest there is nothing to go back; a first deployment that served has nowhere to go."""
    decision = decide(Deploy(), found, run_knows=scenes.run(turn_back=JUDGED))
    assert decision == Finished(message="went back: sick", exit_code=4)


def test_the_first_route_that_refuses_comes_last_and_the_service_says_it_first() -> None:
    """Where route 1 does not obey, `.back` is on the service before route 2 is written."""
    knows = scenes.run(turn_back=JUDGED, failed_writes={0: 1}, passed=frozenset({"verdict:42"}))
    decision = decide(Deploy(), scene("shift", HALF, HALF), run_knows=knows)
    assert sentences(decision) == [BACK_B, TO_A_2, TO_A_1, TAKEN_BACK]


def test_abort_of_a_first_deployment_that_served_records_that_it_is_done() -> None:
    """A first deployment that only lacks its last tag is done: abort does not take production away."""
    found = Scene(move=f"d7.none.b.shift.{T}", shares=(1,), a=None, b="d7.42.served")
    assert sentences(decide(Abort(), found)) == ["record that the move nothing → b is done"]


def test_a_missing_route_is_created_straight_to_what_serves() -> None:
    """Deploying what serves makes the configured routes that are missing, and says so; without `create` it does not."""
    found = Scene(move=f"d7.a.b.done.{T}", shares=(1, None), b="d7.42.served", create=True)
    assert sentences(decide(Deploy(), found)) == ["create production rule shop:443 rule by its conditions → slot b"]
    assert isinstance(decide(Deploy(), replace(found, create=False)), Finished)
