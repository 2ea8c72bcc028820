"""The ordering guard: a job of yesterday does not take production back behind what serves today."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from execute.disturbing import DENIED, refuse_all
from lives import app, fork, must, on, rest, state
from plan import scenes
from plan.scenes import LONG_AGO, NOW_S, Scene, sentences
from region import Stage
from teal.model.decision import Decision, Finished, Refused, Steps
from teal.model.run import Deploy, Flip, Rollback, Run
from teal.model.snapshot import Snapshot
from teal.model.tags import SEQ
from teal.plan.planner import plan

REST = Scene(move=f"d7.a.b.done.{LONG_AGO}", shares=(1,), b="d7.42.served")
OLDER = "this is number 6, and revision 42, which serves, is number 7: older"


def numbered(numbers: Mapping[int, str], scene: Scene = REST) -> Snapshot:
    """Return the app with numbers on revisions."""
    found = scene.seen()
    definitions = {
        arn: replace(each, tags={SEQ: numbers[each.revision]}) if each.revision in numbers else each
        for arn, each in found.definitions.items()
    }
    return replace(found, definitions=definitions)


def decide(intent: Deploy, found: Snapshot, image: str = "shop/web:new", run: Run | None = None) -> Decision:
    """Return what is decided for an image; revision 42 is `shop/web:1.42`, and serves."""
    return plan(intent, scenes.spec(image=image), found, run or scenes.run(), NOW_S)


@pytest.mark.parametrize(
    ("intent", "there", "exit_code"),
    [
        (Deploy(seq=6), "7", 7),
        (Deploy(seq=6, again=True), "7", 7),
        (Deploy(seq=6, allow_older=True), "7", 0),
        (Deploy(seq=7), "7", 0),
        (Deploy(seq=8), "7", 0),
        (Deploy(), "7", 0),
        (Deploy(seq=6), "", 0),
        (Deploy(seq=6), "seven", 0),
    ],
)
def test_older_than_what_serves_is_refused(intent: Deploy, there: str, exit_code: int) -> None:
    """A smaller number than that of the live revision ends with 7, unless older is allowed or a side has no number."""
    decision = decide(intent, numbered({42: there}))
    assert decision.exit_code == exit_code
    assert isinstance(decision, Refused) is (exit_code == 7)
    assert not isinstance(decision, Refused) or decision.message == OLDER


@pytest.mark.parametrize(
    ("scene", "exit_code"),
    [
        (Scene(move=f"d7.b.a.prepare.{LONG_AGO}", shares=(1,), a="d7.41", b="d5.42.served"), 7),
        (Scene(move=f"d7.b.a.held.{LONG_AGO}", shares=(1,), a="d7.41", b="d5.42.served"), 6),
        (replace(REST, move=None), 7),
        (Scene(shares=(None,), a=None, b=None, create=True), 0),
        (Scene(shares=(0,), a="", b=None), 0),
    ],
)
def test_it_is_what_serves_that_counts(scene: Scene, exit_code: int) -> None:
    """While a newcomer is prepared its number is not asked; where nothing serves there is nothing to be older than."""
    decision = plan(
        Deploy(seq=6), scenes.spec(image="shop/web:new", create=True), numbered({42: "7"}, scene), scenes.run(), NOW_S
    )
    assert decision.exit_code == exit_code


def test_content_that_was_taken_back_is_not_tried_again_behind_what_serves() -> None:
    """`--again` opens the verdict, not the order."""
    back = numbered({41: "7"}, Scene(move=f"d7.a.b.back.{LONG_AGO}", shares=(0,), b="d7.42.back"))
    assert decide(Deploy(seq=6, again=True), back, "shop/web:1.42").exit_code == 7
    assert decide(Deploy(seq=7, again=True), back, "shop/web:1.42").exit_code == 0


@pytest.mark.parametrize(
    ("intent", "there", "warning"),
    [
        (Deploy(), "7", "the order of deployments is not guarded: this run has no number (--seq)"),
        (
            Deploy(seq=6),
            "",
            "the order of deployments is not guarded: revision 42, which serves, has no number (--seq)",
        ),
        (Deploy(), "", ""),
        (Deploy(seq=8), "7", ""),
    ],
)
def test_a_guard_that_is_blind_on_one_side_says_so(intent: Deploy, there: str, warning: str) -> None:
    """Where one side has a number and the other has none, the plan says once that order is not guarded."""
    decision = decide(intent, numbered({42: there}))
    assert isinstance(decision, Steps)
    assert [each for each in decision.warnings if "order" in each] == ([warning] if warning else [])


def test_a_revision_that_is_used_again_is_numbered_anew() -> None:
    """Content of before that is deployed again, or serves already, takes the higher number; the same one is no step."""
    mark = "record that web:41 is what number 8 asked for"
    again = decide(Deploy(seq=8), numbered({41: "3", 42: "7"}), "shop/web:1.41")
    assert sentences(again)[0] == mark
    assert mark not in sentences(decide(Deploy(seq=8), numbered({41: "8", 42: "7"}), "shop/web:1.41"))
    passed = scenes.run(passed=frozenset({"seq"}))
    assert mark not in sentences(decide(Deploy(seq=8), numbered({41: "3", 42: "7"}), "shop/web:1.41", passed))
    serves = decide(Deploy(seq=8), numbered({42: "7"}), "shop/web:1.42")
    assert sentences(serves) == ["record that web:42 is what number 8 asked for"]
    assert isinstance(decide(Deploy(seq=6), numbered({42: "7"}), "shop/web:1.42"), Finished)


def test_jobs_that_overtake_each_other(tmp_path: Path) -> None:
    """On the region: 7 serves, the late 6 is refused, 8 deploys what 5 was, and then 7 is the older one."""
    play = app(tmp_path, shift="all_at_once", bake="2m")
    rest(must(on(play, "1"), Deploy(seq=5)))
    rest(must(on(play, "2"), Deploy(seq=7)))
    assert on(play, "3").run(Deploy(seq=6)).exit_code == 7
    rest(must(on(play, "1"), Deploy(seq=8)))
    assert on(fork(play), "2").run(Deploy(seq=7)).exit_code == 7
    must(on(fork(play), "2"), Deploy(seq=7, allow_older=True))
    must(on(fork(play), "1"), Deploy(seq=9))
    back = rest(must(on(fork(play), "1"), Rollback()))
    assert on(back, "3").run(Deploy(seq=6)).exit_code == 7


def test_going_on_is_not_asked_again(tmp_path: Path) -> None:
    """A held newcomer flips whatever numbers say: the guard stands at the beginning of a deployment."""
    play = app(tmp_path, shift="all_at_once", bake="2m")
    rest(must(on(play, "1"), Deploy(seq=5)))
    must(on(play, "2"), Deploy(seq=4, allow_older=True, hold=True))
    must(on(play, "2"), Flip())
    assert state(play).serves == "b"


def test_a_number_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    """A role that may not tag task definitions deploys all the same, and is told."""
    play = numbered_once(tmp_path)
    refuse_all(play, "TagResource", DENIED)
    assert on(play, "1").run(Deploy(seq=9)).exit_code == 0


def numbered_once(directory: Path) -> Stage:
    """Return an app whose live revision has number 5."""
    play = app(directory, shift="all_at_once", bake="2m")
    return rest(must(on(play, "1"), Deploy(seq=5)))
