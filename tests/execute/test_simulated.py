"""What the simulation found, each as one short story."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from execute.disturbing import Params, forward, groups_of, modify, names, rule_arn, served_twice
from lives import adopted, app, fork, judged, killed, must, on, rest, state
from locked_stage import Skewed
from region import Prober, Stage, stage
from teal.aws.account import AwsAccount
from teal.errors import TransientError, UnknownAnswerError
from teal.execute.executor import Executor
from teal.model.event import RunEnded, Waited
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Rollback, Run
from teal.ports import Ports, Reply, Request

DONE = "18: 100 100 | b.a.done | 3.served | 2.served"


@pytest.fixture(name="resting", scope="module")
def two_revisions(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """At rest: slot b serves 2, slot a is warm with 1."""
    return rest(served_twice(tmp_path_factory.mktemp("app")))


@pytest.fixture(name="two")
def own_copy(resting: Stage) -> Stage:
    """Return the same app for one test alone."""
    return fork(resting)


@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])
def test_a_move_tag_whose_answer_got_lost_is_the_runs_own(two: Stage, nth: int) -> None:
    """AddTags succeeds and its answer is lost: the tag that is then read is not another deployer's. Exit 0."""
    play, seen = on(two, "3"), 0

    def after(_: str, operation: str, __: Params) -> None:
        nonlocal seen
        seen += operation == "AddTags"
        if operation == "AddTags" and seen == nth:
            raise TransientError("read timeout", code="ReadTimeoutError", operation="elbv2:AddTags")

    play.region.after_call = after
    assert (play.run(Deploy()).exit_code, str(state(play))) == (0, DONE)


def test_two_move_tags_that_arrive_late_are_both_the_runs_own(two: Stage) -> None:
    """AddTags times out twice; the first is done then, the second once the run has gone on: nobody else was there."""
    play, sent = on(two, "3"), list[Params]()

    def before(_: str, operation: str, params: Params) -> None:
        if operation == "AddTags" and len(sent) < 2:
            sent.append(params)
            play.region.pass_time(2.0)
            if len(sent) == 2:
                play.region.aws("elbv2", "AddTags", **sent[0])
            raise TransientError("read timeout", code="ReadTimeoutError", operation="elbv2:AddTags")
        if operation == "UpdateService":
            play.region.before_call = None
            play.region.aws("elbv2", "AddTags", **sent[1])

    play.region.before_call = before
    assert (play.run(Deploy()).exit_code, str(state(play))) == (0, DONE)


def test_a_rule_that_goes_away_during_a_look_makes_it_unknown(two: Stage) -> None:
    """A rule that was read and has no tags to read any more is not a rule without a move."""
    arn = rule_arn(two.region, 20)

    def before(_: str, operation: str, __: Params) -> None:
        if operation == "DescribeTags":
            two.region.before_call = None
            two.region.aws("elbv2", "DeleteRule", RuleArn=arn)

    two.region.before_call = before
    with pytest.raises(UnknownAnswerError, match="went away while it was looked at"):
        two.look()


def test_tags_that_somebody_removes_are_drift(two: Stage) -> None:
    """The routes' tags are removed while green starts: without them all looks at rest, but it is not. Exit 7."""
    play = on(two, "3")
    arns = [rule_arn(play.region, priority) for priority in (20, 30)]

    def after(_: str, operation: str, __: Params) -> None:
        if operation == "UpdateService":
            play.region.after_call = None
            play.region.pass_time(play.region.time_scale)
            play.look()
            play.region.each_tick.append(remove)

    def remove() -> None:
        play.region.each_tick.clear()
        play.region.aws("elbv2", "RemoveTags", ResourceArns=arns, TagKeys=["teal:move"])

    play.region.after_call = after
    ended = play.run(Deploy())
    assert (ended.exit_code, "the tag of the move" in ended.message) == (7, True)


def test_a_slot_that_somebody_failed_in_a_moment_ago_can_be_used(tmp_path: Path) -> None:
    """The targets of a newcomer that crashed leave the group for five minutes: a good one waits for that. Exit 0."""
    play = must(
        on(adopted(on(app(tmp_path, shift="all_at_once", bake="0s", time_scale=1.0), "1")), "crash"), Deploy(), 4
    )
    assert any(t.state == "draining" for g in play.look().slot(Slot.B).groups for t in g.targets or ())
    must(on(play, "2"), Deploy())
    assert judged(play) == {"crash"}


@pytest.mark.parametrize("back_first", [False, True])
def test_a_slot_is_left_alone_after_a_late_weight(tmp_path: Path, back_first: bool) -> None:  # noqa: FBT001 - a table's column
    """Weight that landed after a rollback is undone; only 120 s later is what that slot runs replaced."""
    scale = 0.1
    play = must(rest(served_twice(tmp_path, shift="all_at_once", bake="0s", time_scale=scale)), Rollback())
    region = rest(play, 400).region
    blue, green = groups_of(play)
    modify(region, 20, forward((blue, 50), (green, 50)))
    if back_first:
        must(play, Rollback())
    at_s: dict[str, float] = {}
    weights = len(region.written)

    def after(_: str, operation: str, __: Params) -> None:
        at_s.setdefault(operation, region.now_s)

    began_s = region.now_s
    region.after_call = after
    must(on(play, "3"), Deploy())
    undone_s = began_s if back_first else at_s["ModifyRule"]
    assert names(play, weights)
    assert at_s["UpdateService"] - undone_s >= 120 * scale - 1.5  # tags count whole seconds


def test_a_newcomer_is_put_back_without_its_taste_rule(two: Stage) -> None:
    """Somebody deleted the taste rule of a slot that is starting: it is made anew, or ECS would take no update."""
    play = killed(on(two, "3"), Deploy(), ("UpdateService", 1))
    taste = next(taste for taste in play.look().tastes if taste.slot is Slot.A)
    assert taste.rule is not None
    play.region.aws("elbv2", "DeleteRule", RuleArn=taste.rule.arn)
    must(play, Abort())
    assert str(state(play)) == "18: 0 0 | a.b.done | 1.served | 2.served"


@dataclass(slots=True)
class LateNode(Prober):
    """A load balancer of which every second node does not know the taste rules yet."""

    asked: int = 0
    caught_up_after: int = 40

    def ask(self, request: Request) -> Reply:
        """Let that node answer by production."""
        self.asked += 1
        if self.asked % 2 == 0 and self.asked < self.caught_up_after:
            request = replace(request, headers={})
        return Prober(self.region).ask(request)


@dataclass(slots=True)
class LateStage(Stage):
    """An app behind such a load balancer."""

    def ports(self) -> Ports:
        """Return the ports with it."""
        return replace(Stage.ports(self), prober=LateNode(self.region))


def test_a_taste_begins_when_every_node_leads_to_green(two: Stage) -> None:
    """As long as one node answers a taste by production, green has not proved its identity; then it has. Exit 0."""
    play = on(two, "3")
    stage = LateStage(region=play.region, spec=play.spec)
    waited = [event.progress for event in stage.events(Deploy()) if isinstance(event, Waited)]
    assert any("says X-Revision: 2, expected 3" in progress for progress in waited)
    assert str(state(play)) == DONE


def test_a_clock_that_is_wrong_without_a_lock(tmp_path: Path) -> None:
    """It is refused there too: the instants in tags are read by others, and holds are counted from them."""
    there = stage(tmp_path)
    ports = replace(there.ports(), account=Skewed(AwsAccount(there.region), 31.0))
    run = Run(id="d1", secrets={}, started_at_s=there.region.now_s)
    deploy = Executor(
        spec=there.spec, ports=ports, intent=Deploy(), run=run, command="deploy", approve=lambda _, __: True
    )
    ended = list(deploy.events())[-1]
    assert isinstance(ended, RunEnded)
    assert (ended.exit_code, there.region.written) == (2, [])
    assert "clock is 31 s" in ended.message
