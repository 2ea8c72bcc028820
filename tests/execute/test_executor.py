"""The loop, with a planner that says what a test wants: what is asked, done, bounded, and said in the end."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from execute.disturbing import DENIED, forward, groups_of, modify, other_group, refuse_all, served_twice, update
from execute.planned import DONE, END, GONE, PAST, PREPARED, TO_B, Leave, Planner, end_of, plan, played
from execute.scripted import Lock
from lives import app, fork, killed, on, rest
from region import Stage
from teal.model.decision import Decision, Finished, Refused
from teal.model.event import Event, Noted, Planned, StepBegan
from teal.model.run import Abort, Deploy, Flip, Intent, Retire, Rollback, Run, TurnBack
from teal.model.snapshot import Snapshot
from teal.model.spec import Spec
from teal.model.step import Step
from teal.model.tags import MOVE
from teal.model.tags import Stage as At


@pytest.fixture(name="resting", scope="module")
def two_revisions(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """At rest: slot b serves 2, slot a is warm with 1."""
    return rest(served_twice(tmp_path_factory.mktemp("app")))


@pytest.fixture(name="two")
def own_copy(resting: Stage) -> Stage:
    """Return the same app for one test alone."""
    return fork(resting)


# What is said in the end

SETTLED, ASKED = plan(PAST, ends="settled", settles=True), plan(PAST, ends="asked")
SICK = TurnBack(reason="sick", exit_code=4)
ENDS: dict[str, tuple[list[Decision], TurnBack | None, int, str]] = {
    "nothing": ([END], None, 0, "nothing to do"),
    "what was asked": ([ASKED, END], None, 0, "asked"),
    "what was left": ([SETTLED, END], None, 0, "settled"),
    "what was asked after that": ([SETTLED, ASKED, END], None, 0, "asked"),
    "what was asked before that": ([ASKED, SETTLED, END], None, 0, "asked"),
    "not to the end": ([ASKED, Finished(message="later", exit_code=8)], None, 8, "later"),
    "refused": ([Refused(message="no", exit_code=7, hint="look")], None, 7, "no"),
    "back": ([Finished(message="went back", exit_code=5)], SICK, 4, "went back"),
    "back, well": ([ASKED, Finished(message="went back")], SICK, 0, "went back"),
}


@pytest.mark.parametrize(("decisions", "why", "exit_code", "message"), ENDS.values(), ids=ENDS)
def test_how_a_run_ends(
    two: Stage, decisions: list[Decision], why: TurnBack | None, exit_code: int, message: str
) -> None:
    """With what was asked where that was done, else with what was left; a verdict has a code of its own."""
    ended = end_of(played(two, Deploy(), decisions, knows=why))
    assert (ended.exit_code, ended.message) == (exit_code, message)
    assert 0.0 <= ended.took_s < 100.0


def test_what_another_run_holds_does_not_serve(two: Stage) -> None:
    """A deployment that finds its newcomer held by another run does not say that it serves; one with `--hold` may."""
    held = on(two, "3")
    assert held.run(Deploy(hold=True)).exit_code == 0
    waits = Finished(message="held")
    for intent, message in ((Deploy(), "held"), (Deploy(hold=True), "asked"), (Flip(), "asked")):
        assert end_of(played(fork(held), intent, [ASKED, waits])).message == message


def elsewhere(play: Stage) -> None:
    """Somebody points both routes at groups of his own."""
    for priority in (20, 30):
        modify(play.region, priority, forward((other_group(play.region, f"other-{priority}"), 1)))


def without_service(play: Stage) -> None:
    """Somebody deletes the service that serves."""
    play.region.aws("ecs", "DeleteService", cluster="shop", service="shop-b", force=True)
    rest(play, 900.0)


SERVES: dict[str, tuple[Callable[[Stage], object], str]] = {
    "one slot": (lambda _: None, "slot b (revision 2) 100 %"),
    "both": (
        lambda play: modify(play.region, 20, forward((groups_of(play)[0], 1), (groups_of(play)[1], 3))),
        "slot a (revision 1) 0 %, 25 %; slot b (revision 2) 75 %, 100 %",
    ),
    "one route is gone": (
        lambda play: play.region.aws("elbv2", "DeleteRule", RuleArn=play.look().rules[0].arn),
        "slot b (revision 2) 100 %",
    ),
    "none of ours": (
        elsewhere,
        "unknown",
    ),
    "a service is gone": (
        without_service,
        "slot b (revision 0) 100 %",
    ),
}


@pytest.mark.parametrize(("make", "serving"), SERVES.values(), ids=SERVES)
def test_what_serves_in_the_end(two: Stage, make: Callable[[Stage], object], serving: str) -> None:
    """Each slot that has traffic, its revision, and its shares of the routes that are there."""
    make(two)
    assert end_of(played(two, Deploy(), [END])).serving == serving


def test_what_serves_where_nothing_does(two: Stage, tmp_path: Path) -> None:
    """Before the first deployment nothing; without a look nobody knows."""
    first = end_of(played(app(tmp_path), Deploy(), [END]))
    assert first.serving == "nothing that is configured: no production rule was found"
    refuse_all(two, "GetCallerIdentity", DENIED)
    assert end_of(played(two, Deploy(), [END])).serving == "unknown: nothing was read"


SEEN: dict[str, tuple[Intent, list[Decision], TurnBack | None, str]] = {
    "done": (Deploy(), [plan(DONE), END], None, "held"),
    "not done": (Deploy(), [plan(PREPARED), END], None, ""),
    "done, going back": (Deploy(), [plan(DONE), END], SICK, ""),
    "weights forward": (Deploy(), [plan(TO_B), END], None, ""),
    "weights back": (Rollback(), [plan(TO_B), END], None, "read-back"),
    "a tag on the way back": (Rollback(), [plan(PREPARED), END], None, ""),
    "weights, then done": (Rollback(), [plan(TO_B), plan(DONE), END], None, "read-back"),
}


@pytest.mark.parametrize(("intent", "decisions", "why", "rung"), SEEN.values(), ids=SEEN)
def test_how_the_effect_was_seen(
    two: Stage, intent: Intent, decisions: list[Decision], why: TurnBack | None, rung: str
) -> None:
    """Held, once the record says so; on a way back, read back; nothing is claimed that was not seen."""
    ended = end_of(played(two, intent, decisions, knows=why))
    assert (ended.exit_code, ended.seen) == (0, rung), ended


# What is asked


def test_leave_is_asked_once_for_each_kind_of_plan(two: Stage) -> None:
    """For what settles and for what was asked, however often the plan is made anew; it is shown as often."""
    leave = Leave(two)
    events = played(two, Deploy(), [SETTLED, SETTLED, ASKED, SETTLED, ASKED, END], leave=leave)
    assert leave.asked == [SETTLED, ASKED]
    assert sum(isinstance(event, Planned) for event in events) == 2
    assert [event.number for event in events if isinstance(event, StepBegan)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("intent", [Deploy(), Flip(), Retire(), Rollback(), Abort()])
@pytest.mark.parametrize("why", [None, SICK])
def test_who_needs_leave(two: Stage, intent: Intent, why: TurnBack | None) -> None:
    """A way back asks nobody; of anything else a "no" is the end, with exit 2, before anything was written."""
    since, leave = len(two.region.written), Leave(two, answer=False)
    ended = end_of(played(two, intent, [plan(DONE), END], leave=leave, knows=why))
    back = isinstance(intent, Rollback | Abort) or why is not None
    assert (ended.exit_code, bool(leave.asked)) == (0 if back else 2, not back)
    assert (len(two.region.written) > since) is back


@pytest.mark.parametrize(("takes_s", "again"), [(0.0, False), (1.0, False), (1.5, True)])
def test_what_was_approved_must_still_be_true(two: Stage, takes_s: float, *, again: bool) -> None:
    """A person who took more than a second is followed by a new look, and the plan is made from that."""
    planner = Planner([ASKED, ASKED, END])
    events = played(two, Deploy(), (), leave=Leave(two, takes_s=takes_s), planner=planner)
    assert end_of(events).exit_code == 0
    assert sum(isinstance(event, StepBegan) for event in events) == (1 if again else 2)
    assert planner.asked_s[1] - planner.asked_s[0] == takes_s


@pytest.mark.parametrize("intent", [Deploy(), Flip(), Retire(), Rollback(), Abort()])
@pytest.mark.parametrize("under_way", [True, False])
def test_who_is_checked_before(two: Stage, intent: Intent, *, under_way: bool) -> None:
    """What was made ready is checked before anything begins; what is under way, and a way back, is gone on with."""
    play = killed(on(two, "3"), Deploy(), ("ModifyRule", 2)) if under_way else two
    listener = play.look().routes[0].listener
    assert listener is not None
    path = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x"]}}]
    a, _ = groups_of(play)
    play.region.aws(
        "elbv2", "CreateRule", ListenerArn=listener.arn, Priority=5, Conditions=path, Actions=forward((a, 1))
    )
    ended = end_of(played(play, intent, [plan(PAST), END]))
    refused = not under_way and not isinstance(intent, Rollback | Abort)
    assert ended.exit_code == (2 if refused else 0), ended


def test_what_a_check_finds_has_its_own_exit_code(two: Stage) -> None:
    """A route that leads elsewhere is drift, not a mistake of the configuration: exit 7."""
    modify(two.region, 20, forward((other_group(two.region), 1)))
    ended = end_of(played(two, Deploy(), [plan(PAST), END]))
    assert (ended.exit_code, ended.hint) == (7, "`teal check` shows every check; nothing was touched")


# What bounds it


def test_a_wait_that_leads_nowhere_is_done_ten_times(two: Stage) -> None:
    """Then a person must look: exit 5, with the step that is planned again and again."""
    longer = plan(PAST, DONE, PREPARED, TO_B)
    ended = end_of(events := played(two, Deploy(), [longer]))
    assert (ended.exit_code, sum(isinstance(event, StepBegan) for event in events)) == (5, 10)
    assert "going in circles" in ended.message
    assert ended.serving == "slot b (revision 2) 100 %"


def test_all_waits_together_are_bounded_by_the_plan(two: Stage) -> None:
    """Three times as many as were shown, and ten."""
    ever_new = [plan(replace(PAST, percent=nth)) for nth in range(40)]
    events = played(two, Deploy(), ever_new)
    assert (end_of(events).exit_code, sum(isinstance(event, StepBegan) for event in events)) == (5, 13)


@dataclass(slots=True)
class Undoing(Planner):
    """Waits for ever, while somebody undoes what is on record each time."""

    play: Stage | None = None

    def __call__(self, intent: Intent, spec: Spec, snapshot: Snapshot, run: Run, now_s: float) -> Decision:
        """Decide, then let somebody write the other tag."""
        assert self.play is not None
        decision = Planner.__call__(self, intent, spec, snapshot, run, now_s)
        tag = PREPARED.tag if len(self.asked_s) % 2 else replace(PREPARED.tag, stage=At.HELD)
        tags = [{"Key": MOVE, "Value": str(tag)}]
        self.play.region.aws("elbv2", "AddTags", ResourceArns=[rule.arn for rule in snapshot.rules], Tags=tags)
        return decision


def test_a_run_that_keeps_falling_back_ends(two: Stage) -> None:
    """Three times it may find itself behind where it was, in the same way; at the fourth a person must look."""
    planner = Undoing([plan(replace(PAST, percent=nth), PAST, PAST, PAST) for nth in range(40)], play=two)
    ended = end_of(played(two, Deploy(), (), planner=planner))
    assert ended.exit_code == 5
    assert "it fell back 4 times from" in ended.message


# What is heeded first


@pytest.mark.parametrize(
    ("intent", "why", "turns"),
    [
        (Deploy(), None, True),
        (Flip(), None, True),
        (Deploy(), SICK, False),
        (Rollback(), None, False),
        (Retire(), None, False),
    ],
)
def test_a_green_that_is_sick_goes_back_before_anything_is_planned(
    two: Stage, intent: Intent, why: TurnBack | None, *, turns: bool
) -> None:
    """Whoever sends production forward looks at its health in every round, and says so once."""
    play = killed(on(two, "3"), Deploy(), ("ModifyRule", 2))
    play.region.dead.add("lab/shop:3")
    play.region.pass_time(1.0)
    events: list[Event] = [event for event in played(play, intent, [END], knows=why) if not isinstance(event, Noted)]
    assert [type(event).__name__ for event in events] == ["RunStarted", *["TurnedBack"] * turns, "RunEnded"]
    assert end_of(events).exit_code == 0


def test_what_a_look_showed_is_told_before_the_next_step(two: Stage) -> None:
    """A count that somebody else asked for while a step was done is told when the run turns to the next one."""
    region, calls = two.region, two.region.calls["ecs:DescribeServices"]

    def before(_: str, operation: str, __: object) -> None:
        if operation == "DescribeServices" and region.calls["ecs:DescribeServices"] == calls + 1:
            update(two, "shop-a", desiredCount=3)

    region.before_call = before
    events = played(two, Deploy(), [plan(PAST), plan(PAST), END])
    told = [isinstance(event, Noted) and "other counts" in event.message for event in events]
    began = [nth for nth, event in enumerate(events) if isinstance(event, StepBegan)]
    assert began[0] < told.index(True) < began[1]


# The lock


def test_a_rollback_takes_the_lock_before_what_moves_no_traffic(two: Stage) -> None:
    """What moves traffic is written first; before anything else the lock is taken; in the end it is given back."""
    order: list[tuple[list[str], str]] = []
    lock = Lock()

    def after(_: str, operation: str, __: object) -> None:
        if not operation.startswith(("Describe", "List", "Get")):
            order.append(([word for word in lock.told if word == "preempt"], operation))

    plans: list[list[Decision]] = [[plan(TO_B), END], [plan(DONE), END]]
    for steps in plans:
        lock.told.clear()
        play = fork(two)
        play.region.after_call = after
        assert end_of(played(play, Rollback(), steps, lock=lock)).exit_code == 0
        assert (lock.told[-1], lock.told.count("preempt")) == ("release", 1)
    assert order == [([], "ModifyRule"), (["preempt"], "AddTags")]


def test_what_is_not_due_asks_for_no_lock(two: Stage) -> None:
    """Only a `retire` from a schedule looks before it asks; what it finds to do, it finds again under the lock."""
    runs: list[tuple[Intent, list[Decision], int]] = [
        (Retire(if_due=True), [END], 0),
        (Retire(if_due=True), [plan(PAST), plan(PAST), END], 1),
        (Retire(), [END], 1),
        (Deploy(), [END], 1),
    ]
    for intent, decisions, claims in runs:
        lock, planner = Lock(), Planner(decisions)
        ended = end_of(played(fork(two), intent, (), lock=lock, planner=planner))
        assert (ended.exit_code, lock.told.count("claim")) == (0, claims)
        assert len(planner.asked_s) == len(decisions)


def test_what_is_not_due_is_one_look(two: Stage) -> None:
    """From a schedule it is asked often, and costs AWS as little as can be; what serves is told all the same."""
    looks = two.region.calls["elbv2:DescribeRules"]
    ended = end_of(played(two, Retire(if_due=True), [END], lock=Lock()))
    assert (ended.message, ended.serving) == ("nothing to do", "slot b (revision 2) 100 %")
    assert two.region.calls["elbv2:DescribeRules"] == looks + 1


def test_a_run_that_is_done_watches_on(two: Stage) -> None:
    """As long as a victim may write, and once after, a way back decides anew; one that failed does not stay."""
    for code, looks in ((0, 4), (5, 1)):
        lock = Lock(unsettled_=["bob"] * 2, unwatched_=True)
        planner = Planner([Finished(message="back", exit_code=code)])
        events = played(fork(two), Rollback(), (), lock=lock, planner=planner)
        assert (end_of(events).exit_code, len(planner.asked_s)) == (code, looks)
        assert sum(isinstance(event, Noted) for event in events) == (code == 0)


@pytest.mark.parametrize(
    ("intent", "slept_s", "times", "looks"),
    [
        (Deploy(), 31.0, 1, 1),
        (Deploy(), 31.0, 2, 2),
        (Deploy(), 31.0, 4, 3),
        (Deploy(), 31.0, 99, 4),
        (Deploy(), 28.0, 9, 1),
        (Rollback(), 31.0, 2, 1),
    ],
    ids=str,
)
def test_what_was_seen_long_ago_is_seen_once_more(
    two: Stage, intent: Intent, slept_s: float, times: int, looks: int
) -> None:
    """A machine may sleep while it looks: before it says that all is well it looks again, thrice at most.

    Each look that was slept over is followed by another at once, whatever is asked.
    """
    play, planner = fork(two), Planner([END])
    slept: list[float] = []

    def sleep(_: str, operation: str, __: object) -> None:
        if operation == "DescribeServices" and len(slept) < times:
            slept.append(slept_s)
            play.region.now_s += slept_s

    play.region.before_call = sleep
    assert end_of(played(play, intent, (), planner=planner)).exit_code == 0
    assert len(planner.asked_s) == looks


@pytest.mark.parametrize(
    ("step", "slept_s", "plans", "acts"),
    [
        (DONE, 31.0, 2, 0),
        (DONE, 31.0, 3, 1),
        (DONE, 31.0, 5, 2),
        (DONE, 29.0, 2, 1),
        (TO_B, 31.0, 2, 1),
        (GONE, 0.5, 1, 1),
        (GONE, 2.0, 2, 0),
        (GONE, 2.0, 3, 1),
    ],
    ids=str,
)
def test_what_is_recorded_rests_on_a_look_of_the_last_half_minute(
    two: Stage, step: Step, slept_s: float, plans: int, acts: int
) -> None:
    """Others may have gone on while a machine slept: it looks again, once per act, for that may take as long.

    Traffic first. What is deleted rests on a look of the last second. No look is decided upon twice.
    """
    play, planner = fork(two), Planner([*[plan(step)] * plans, END])

    def sleep(_: str, operation: str, __: object) -> None:
        if operation == "DescribeServices":
            play.region.now_s += slept_s

    play.region.before_call = sleep
    events = played(play, Flip(), (), planner=planner)
    assert end_of(events).exit_code == 0
    assert sum(isinstance(event, StepBegan) for event in events) == acts
    assert len(set(planner.asked_s)) == len(planner.asked_s)
