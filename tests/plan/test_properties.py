"""What holds of every plan, wherever it begins."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from plan import scenes
from plan.effects import after
from plan.scenes import NOW_S, Scene
from teal.model.decision import Finished, Refused, Steps
from teal.model.run import Abort, Deploy, Flip, Intent, Retire, Rollback, Run
from teal.model.snapshot import Snapshot
from teal.model.spec import Spec
from teal.model.step import Act
from teal.plan.drift import drifted
from teal.plan.facts import Facts
from teal.plan.invariants import broken
from teal.plan.planner import plan
from teal.plan.situation import classify

INTENTS: st.SearchStrategy[Intent] = st.sampled_from(
    [Deploy(), Deploy(hold=True), Deploy(again=True), Flip(), Flip(again=True), Rollback(), Abort(), Retire()]
)
SHARES = st.sampled_from([Fraction(0), Fraction(1, 10), Fraction(1, 2), Fraction(1)])
TAGS = st.sampled_from(["d7.42"] * 5 + ["d7.42.served"] * 3 + ["d7.42.back"] * 3 + ["d2.40.served", "d2.42.back", None])
BLUE = st.sampled_from(["d1.41.served", ""])
STAGES = st.sampled_from(["prepare", "held", "shift", "done", "back"])
AGES = st.sampled_from([5, 90, 4000])
IMAGES = st.sampled_from(["shop/web:1.42", "shop/web:1.43", "shop/web:new"])
LONGEST = 60


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Intent, Spec, Snapshot]:
    """Return a command, a configuration and a world in which every slot with traffic is healthy."""
    count = draw(st.integers(1, 3))
    level = draw(st.booleans())
    shares = (draw(SHARES),) * count if level else tuple(draw(SHARES) for _ in range(count))
    move = f"d7.a.b.{draw(STAGES)}.{int(NOW_S) - draw(AGES)}" if draw(st.integers(0, 9)) else None
    scene = Scene(
        move=move, shares=shares, a=draw(BLUE), b=draw(TAGS), before=draw(st.sampled_from(["", "d2.40.served"]))
    )
    return draw(INTENTS), scenes.spec(count, image=draw(IMAGES)), scene.seen()


def looked_first(spec: Spec, world: Snapshot) -> Run:
    """Return what a run knows after its first look."""
    run = scenes.run()
    return replace(run, weights=Facts.of(spec, world, run, NOW_S).weights)


def lived(intent: Intent, spec: Spec, world: Snapshot) -> tuple[list[str], list[list[str]], str]:
    """Do the first step of each plan until there is none; return what broke, every plan in words, and the end."""
    run, now_s = looked_first(spec, world), NOW_S
    wrong: list[str] = []
    plans: list[list[str]] = []
    for _ in range(LONGEST):
        decision = plan(intent, spec, world, run, now_s)
        if isinstance(decision, Finished | Refused):
            return wrong, plans, type(decision).__name__
        plans.append([step.sentence() for step in decision.steps])
        step = decision.steps[0]
        if isinstance(step, Act):
            problem = broken(intent, Facts.of(spec, world, run, now_s), step)
            wrong += [f"{step.sentence()}: {problem}"] if problem else []
        world, run, now_s = after(spec, world, run, step, now_s)
    return wrong, plans, "no end"


@settings(max_examples=300, deadline=None, derandomize=True)
@given(worlds())
def test_no_prefix_of_a_plan_breaks_an_invariant_and_every_plan_ends(given_: tuple[Intent, Spec, Snapshot]) -> None:
    """Doing step after step never breaks a sentence of `plan.invariants`, and comes to an end."""
    wrong, plans, end = lived(*given_)
    assert (wrong, end) in (([], "Finished"), ([], "Refused")), plans


@settings(max_examples=200, deadline=None, derandomize=True)
@given(worlds())
def test_planning_again_after_the_first_step_gives_the_tail(given_: tuple[Intent, Spec, Snapshot]) -> None:
    """After the first step the new plan is the rest of the old one, in the same words."""
    _, plans, _ = lived(*given_)
    settled = [number for number, words in enumerate(plans) if len(words) == 1]
    for number, (earlier, later) in enumerate(pairwise(plans)):
        if number in settled:
            continue  # what settles ends, and what was asked begins
        assert [same(words) for words in later] == [same(words) for words in earlier[1:]]
    assert not plans or len(plans[-1]) == 1, "the last plan promised more than was done"


def same(words: str) -> str:
    """Return a sentence with the revision that was unknown at first."""
    return (
        words.replace("revision web:44", "the new revision")
        .replace("web:44", "web:new")
        .replace("revision 44", "revision new")
    )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(worlds())
def test_a_finished_plan_leaves_nothing_to_do(given_: tuple[Intent, Spec, Snapshot]) -> None:
    """When a command has ended, deciding again on the same world ends it in the same way."""
    intent, spec, world = given_
    run, now_s = looked_first(spec, world), NOW_S
    decision = plan(intent, spec, world, run, now_s)
    for _ in range(LONGEST):
        if not isinstance(decision, Steps):
            break
        world, run, now_s = after(spec, world, run, decision.steps[0], now_s)
        decision = plan(intent, spec, world, run, now_s)
    again = plan(intent, spec, world, run, now_s)
    assert type(again) is type(decision)
    assert classify(spec, world).row in range(1, 24)
    assert drifted(world) == {}
