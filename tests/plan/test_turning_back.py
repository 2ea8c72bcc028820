"""What is decided when a run has to stop or turn back: signals, announcements, verdicts."""

from dataclasses import replace

import pytest

from plan import scenes
from plan.scenes import NOW_S, Scene, decide, sentences
from plan.words import (
    BACK_A,
    BACK_B,
    HALF,
    MARKED,
    PREPARED,
    ROUTE_2,
    TAKEN_BACK,
    TENTH,
    TO_A_1,
    TO_A_2,
    T,
    redirected,
    scene,
)
from teal.model.decision import Finished, Refused, Steps
from teal.model.run import Abort, Deploy, Flip, Intent, Rollback, TurnBack
from teal.model.step import DeleteRoute
from teal.model.tags import parse_move
from teal.plan.planner import plan

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
        (Scene(move=f"d7.none.b.shift.{T}", shares=(1, None), a=None, b="d7.42", create=True), []),
    ],
)
def test_a_stop_leaves_no_split(found: Scene, steps: list[str]) -> None:
    """A signal while traffic is split: blue gets all, the move is prepared again; elsewhere nothing is written."""
    decision = decide(Deploy(), found, run_knows=scenes.run(turn_back=SIGNAL))
    assert ([] if isinstance(decision, Finished) else sentences(decision)) == steps


def test_a_stop_takes_its_own_announcement_back() -> None:
    """A shift that this run has announced and not begun is in preparation again, so that the command can go on."""
    knows = scenes.run(turn_back=SIGNAL, own_move=parse_move(f"d7.a.b.shift.{T}"))
    assert sentences(decide(Deploy(), scene("shift", 0, 0), run_knows=knows)) == [PREPARED]


@pytest.mark.parametrize(
    ("age_s", "intent", "exit_code"),
    [(59, Deploy(), 6), (59, Flip(), 6), (60, Deploy(), 0), (61, Deploy(), 0), (59, Abort(), 0), (1, Rollback(), 0)],
)
def test_an_announcement_is_left_alone_for_a_minute(age_s: int, intent: Intent, exit_code: int) -> None:
    """Row 11: a younger one is somebody at work, an older one did not come to anything."""
    decision = decide(intent, scene("shift", 0, 0, at_s=int(NOW_S) - age_s))
    assert decision.exit_code == exit_code
    if isinstance(decision, Steps):
        marked = [MARKED] if isinstance(intent, Rollback) else []
        assert sentences(decision) == [BACK_B, *marked, TAKEN_BACK]


def test_in_a_lab_the_minute_is_shorter() -> None:
    """Row 11 in a lab whose time is half: after half a minute an announcement did not come to anything."""
    for age_s, exit_code in ((29, 6), (30, 0)):
        lab = scenes.in_lab(scene("shift", 0, 0, at_s=int(NOW_S) - age_s).seen(), 0.5)
        assert plan(Deploy(), scenes.spec(2), lab, scenes.run(), NOW_S).exit_code == exit_code


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
            [
                "put service shop-web-b (slot b) back to revision web:40",
                "wait until slot b is whole: 2 tasks of one revision, all healthy",
                MARKED,
                "record that slot b serves revision 40",
                "record that the move b → a is done",
            ],
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
        (
            Scene(move=f"d7.a.b.prepare.{T}", shares=(1, 0), b="d2.40.served"),
            JUDGED,
            [f"send 100 % → slot b on {ROUTE_2}", BACK_A, "record that the move b → a was taken back"],
        ),
        (Scene(shares=(None,), a=None, b="d7.42"), JUDGED, [BACK_B, MARKED]),
        (
            Scene(move=f"d7.none.b.shift.{T}", shares=(1, None), a=None, b="d7.42", create=True),
            JUDGED,
            ["delete production rule shop:443 rule by its conditions, which this deployment created", BACK_B, MARKED],
        ),
    ],
)
def test_a_verdict_goes_back_by_what_the_newcomer_came_to(found: Scene, why: TurnBack, steps: list[str]) -> None:
    """Weights first; one that never became whole is put back to what was before, one that was whole is kept."""
    assert sentences(decide(Deploy(), found, run_knows=scenes.run(turn_back=why))) == steps


def test_a_rule_that_somebody_else_has_changed_since_is_not_deleted() -> None:
    """A first deployment takes away what it made, and is that still."""
    found = Scene(move=f"d7.none.b.shift.{T}", shares=(1, 1), a=None, b="d7.42", create=True)
    for foreign, deleted in ({0}, [1]), ({0, 1}, []), (set[int](), [0, 1]):
        decision = decide(Deploy(), found, run_knows=scenes.run(turn_back=JUDGED, foreign=frozenset(foreign)))
        assert isinstance(decision, Steps)
        assert [step.index for step in decision.steps if isinstance(step, DeleteRoute)] == deleted
        assert sentences(decision)[-2:] == [BACK_B, MARKED]


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


@pytest.mark.parametrize("intent", [Deploy(), Flip()], ids=str)
@pytest.mark.parametrize("drifted", [0, 1])
def test_a_drifted_route_tells_nothing_of_the_move(intent: Intent, drifted: int) -> None:
    """Where the other routes say that the earlier move is done, a run that went back from its own leaves that alone."""
    restored = redirected(scene("done", 1, 1, b="d7.42.served"), drifted)
    sick = scenes.run(turn_back=TurnBack(reason="sick", failed=True))
    decision = plan(intent, scenes.spec(2), restored, sick, NOW_S)
    assert isinstance(decision, Refused)
    assert (decision.exit_code, decision.message.partition(":")[0]) == (7, "drift")
