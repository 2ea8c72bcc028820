"""A deployment and a way back while others change what teal works on: services, rules, capacity, a signal."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from execute.disturbing import (
    Params,
    after_write,
    groups_of,
    modify,
    names,
    put_revision,
    rule_arn,
    served_twice,
    service,
    update,
)
from lives import answers, app, fork, judged, killed, must, on, rest, state, watched
from region import Prober, Stage
from region_fakes import Shell
from teal.lab.front import answer
from teal.model.event import Event, Planned, RunEnded, StepBegan, StepFailed, event_json
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Intent, Rollback
from teal.model.spec import Rung, RunGate
from teal.model.step import TagMove, UpdateService, WriteRoute
from teal.plan.situation import Row
from teal.ports import CommandResult, Ports, Reply, Request

BACK = "20: 0 0 | b.a.back | 3.back | 2.served"
DONE = "18: 100 100 | b.a.done | 3.served | 2.served"
SLOW = 0.1  # a time scale at which whole seconds of tags do not matter


@pytest.fixture(name="resting", scope="module")
def two_revisions(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """At rest: slot b serves 2, slot a is warm with 1."""
    return rest(served_twice(tmp_path_factory.mktemp("app")))


@pytest.fixture(name="two")
def own_copy(resting: Stage) -> Stage:
    """Return the same app for one test alone."""
    return fork(resting)


# Somebody else


@pytest.mark.parametrize("priority", [20, 30])
def test_what_is_seen_right_before_a_write_is_not_written_over(two: Stage, priority: int) -> None:
    """A route that a stranger gave to blue between look and write stays as it is; the other goes back: exit 7."""
    play = on(two, "3")
    region = play.region
    _, blue = groups_of(play)
    tags, foreign = 0, False
    since = 0

    def before(_: str, __: str, ___: Params) -> None:
        region.now_s += 0.12  # a whole look takes longer than a second

    def after(_: str, operation: str, __: Params) -> None:
        nonlocal tags, foreign, since
        tags += operation == "AddTags"
        if operation == "DescribeTags" and tags == 3 and not foreign:
            foreign, since = True, len(region.written)
            modify(region, priority, [{"Type": "forward", "TargetGroupArn": blue}])

    region.before_call, region.after_call = before, after
    ended = play.run(Deploy())
    region.before_call = region.after_call = None
    wrote = [params["RuleArn"] for name, params in region.written[since:] if name == "elbv2:ModifyRule"]
    assert (foreign, ended.exit_code, str(state(play))) == (True, 7, BACK)
    assert rule_arn(region, priority) not in wrote


@pytest.mark.parametrize("intent", [Deploy(), Flip()])
def test_a_shift_whose_slot_holds_another_revision_goes_back(two: Stage, intent: Intent) -> None:
    """An old pipeline put its own revision into green while the run was dead: weights go back, exit 7, never 0."""
    play = killed(on(two, "3"), Deploy(), ("ModifyRule", 2))
    put_revision(play, "shop-a", "9")
    rest(play, 400)
    assert play.run(intent).exit_code == 7
    assert str(state(play)) == BACK
    assert judged(play) == set()


@dataclass(slots=True)
class Impostor(Prober):
    """Production that answers well, as somebody else."""

    def ask(self, request: Request) -> Reply:
        """Answer requests without a taste header as revision 777."""
        if any(name.startswith("X-Teal") for name in request.headers):
            return Prober(self.region).ask(request)
        return Reply(status=200, headers={"x-revision": "777"}, body="")


@dataclass(slots=True)
class ImpostorStage(Stage):
    """An app whose production answers as somebody else."""

    def ports(self) -> Ports:
        """Return the ports with that production."""
        return replace(Stage.ports(self), prober=Impostor(self.region))


def test_production_that_says_it_is_another_is_a_failure(two: Stage) -> None:
    """An answer with another identity than expected sends production back, whatever `require_seen` says: exit 4."""
    play = on(two, "3")
    assert play.spec.deploy.require_seen is not Rung.PROBED
    ended = ImpostorStage(region=play.region, spec=play.spec).run(Deploy())
    assert (ended.exit_code, str(state(play))) == (4, BACK)
    assert "says X-Revision: 777, expected 3" in ended.message


# Capacity


def test_green_follows_blue_before_the_next_weight(two: Stage) -> None:
    """Blue grew to 20 tasks while green has 10 %: green has 20, all healthy, before it is given 50 %."""
    play = on(two, "3")
    counts: list[int] = []

    def look() -> None:
        counts.append(play.look().slot(Slot.A).healthy)

    def after(_: str, operation: str, __: Params) -> None:
        if operation != "ModifyRule":
            return
        look()
        if len(counts) == 2:
            update(play, "shop-b", desiredCount=20)

    play.region.after_call = after
    production = watched(play)
    assert play.run(Deploy()).exit_code == 0
    assert (counts, str(state(play)), production.failures) == ([2, 2, 20, 20, 20, 20], DONE, ())
    assert service(play, "shop-b")["desiredCount"] == 20


def test_a_green_that_shrank_is_raised_before_the_next_weight(two: Stage) -> None:
    """Somebody scaled green from 10 to 1 during a hold: it has 10 again before it is given more."""
    update(two, "shop-b", desiredCount=10)
    play = on(rest(two, 400), "3")
    counts: list[int] = []

    def after(_: str, operation: str, __: Params) -> None:
        if operation == "ModifyRule":
            counts.append(play.look().slot(Slot.A).healthy)
            if len(counts) == 2:
                update(play, "shop-a", desiredCount=1)

    play.region.after_call = after
    assert play.run(Deploy()).exit_code == 0
    assert (counts, str(state(play))) == ([10] * 6, DONE)


@pytest.mark.parametrize("raising", [False, True])
def test_too_few_healthy_of_those_wanted_goes_back(two: Stage, raising: bool) -> None:  # noqa: FBT001 - a table's column
    """Most of green's tasks are gone during a hold, also while green is given more of them: back, exit 4."""
    update(two, "shop-b", desiredCount=10)
    play = on(rest(two, 400), "3")

    writes, lost = 0, False

    def lose() -> None:
        found = play.region.aws("ecs", "ListTasks", cluster="shop", serviceName="shop-a")["taskArns"]
        for arn in found[:9]:
            answer(play.region.world, "ecs", "StopTask", {"cluster": "shop", "task": arn}, play.region.now_s)

    def after(_: str, operation: str, params: Params) -> None:
        nonlocal writes, lost
        writes += operation == "ModifyRule"
        if raising and operation == "ModifyRule" and writes == 2:
            update(play, "shop-b", desiredCount=20)
        raised = operation == "UpdateService" and params.get("desiredCount") == 20
        if not lost and writes == 2 and (raised or not raising):
            lost = True
            lose()

    play.region.after_call = after
    ended = play.run(Deploy())
    assert (ended.exit_code, str(state(play))) == (4, BACK)
    assert ended.message == "went back: 1 of 10 targets of shop-a are healthy"


@pytest.mark.parametrize("intent", [Rollback(), Abort()])
def test_blue_is_raised_to_what_green_carried(two: Stage, intent: Intent) -> None:
    """After the weights are back, blue is asked for as many tasks as green has; nobody waits for them."""
    play = killed(on(two, "3"), Deploy(), ("ModifyRule", 4))
    update(play, "shop-a", desiredCount=20)
    rest(play, 400)
    since = len(play.region.written)
    assert play.run(intent).exit_code == 0
    wrote = names(play, since)
    assert wrote.index("UpdateService") > max(n for n, name in enumerate(wrote) if name == "ModifyRule")
    assert service(play, "shop-b")["desiredCount"] == 20


def test_rollback_at_rest_raises_blue(two: Stage) -> None:
    """The same at rest, where blue was left behind by growth: 20 tasks are asked for, and the plan has said so."""
    update(two, "shop-b", desiredCount=20)
    events = rest(two, 400).events(Rollback())
    warnings = next(event.warnings for event in events if isinstance(event, Planned))
    assert warnings == ("10 % of production's capacity: 2 healthy targets for 20 running tasks",)
    assert (ended(events).exit_code, service(two, "shop-a")["desiredCount"]) == (0, 20)


def ended(events: Sequence[Event]) -> RunEnded:
    """Return how a run ended."""
    last = events[-1]
    assert isinstance(last, RunEnded)
    return last


def test_a_blue_that_runs_nothing_is_refused_without_force(two: Stage) -> None:
    """Blue scaled to 0 and no longer attached, so that its health cannot be seen: exit 5, and --force does it."""
    taste = next(t for t in two.look().tastes if t.slot is Slot.A)
    assert taste.rule is not None
    two.region.aws("elbv2", "DeleteRule", RuleArn=taste.rule.arn)
    update(two, "shop-a", desiredCount=0)
    rest(two, 400)
    since = len(two.region.written)
    refused = two.run(Rollback())
    assert (refused.exit_code, names(two, since), answers(two.region)) == (5, [], True)
    assert "--force" in refused.hint
    assert two.run(Rollback(force=True)).exit_code == 0


def test_a_blue_that_was_replaced_is_named(two: Stage) -> None:
    """Somebody put another revision into blue: the rollback is done, and its plan says what it would meet."""
    put_revision(two, "shop-a", "9")
    events = rest(two, 400).events(Rollback())
    warnings = next(event.warnings for event in events if isinstance(event, Planned))
    assert (ended(events).exit_code, warnings) == (0, ("slot a runs revision 3, its tag says 1",))


@pytest.mark.parametrize("how", ["scaled to 0", "unhealthy"])
def test_what_serves_nobody_is_not_nothing_to_do(two: Stage, how: str) -> None:
    """The content asked for is deployed and has no healthy target: exit 5, not a quiet 0."""
    if how == "scaled to 0":
        update(two, "shop-b", desiredCount=0)
    else:
        two.region.dead.add("lab/shop:2")
    rest(two, 400)
    found = on(two, "2").run(Deploy())
    assert (found.exit_code, answers(two.region)) == (5, False)
    assert "serves nobody" in found.message


# Signals and resumptions


@dataclass(slots=True)
class Signalled(Shell):
    """A gate's command that a signal to the run ends too."""

    play: Stage | None = None

    def run(self, command: str, environment: Mapping[str, str], timeout_s: float) -> CommandResult:
        """End without an exit code, as the real shell does when the run is asked to stop."""
        assert self.play is not None
        self.play.region.signal = 2
        return CommandResult(exit_code=None, output=f"{command} was stopped within {timeout_s} s: {environment}")


def with_gate(play: Stage, command: str, shell: Shell) -> Stage:
    """Return the app with a taste gate."""
    deploy = replace(play.spec.deploy, taste_gates=(RunGate(command=command),))
    return replace(play, spec=replace(play.spec, deploy=deploy), shell=shell)


def test_a_signal_during_a_gate_convicts_nobody(two: Stage) -> None:
    """Ctrl-C while a gate's command runs: exit 130, no verdict, and the same command goes on to the end."""
    play = with_gate(on(two, "3"), "./smoke.sh", Signalled(play=two))
    assert play.run(Deploy()).exit_code == 130
    assert (judged(play), state(play).a, state(play).serves) == (set(), "3", "b")
    play.region.signal, play.shell = None, Shell()
    assert must(play, Deploy()).shell is play.shell
    assert (len(play.shell.seen), str(state(play))) == (1, DONE)


@pytest.mark.parametrize(("nth", "shares"), [(3, "50 10"), (5, "100 50")])
def test_a_half_written_weight_begins_its_hold_anew(tmp_path: Path, nth: int, shares: str) -> None:
    """Resumed after an hour, the other route is written under a new tag, and hold or bake last their whole time."""
    play = killed(on(rest(served_twice(tmp_path, time_scale=SLOW, bake="2m")), "3"), Deploy(), ("ModifyRule", nth))
    assert state(play).shares == shares
    rest(play, 3600)
    began = [event for event in play.events(Deploy()) if isinstance(event, StepBegan)]
    kinds = [(type(event.step), event.at_s) for event in began]
    writes = [at_s for kind, at_s in kinds if kind is WriteRoute]
    assert [kind for kind, _ in kinds][:2] == [TagMove, WriteRoute]
    next_s = writes[1] if nth == 3 else began[-1].at_s
    wanted_s = 60.0 if nth == 3 else 120.0
    assert next_s - writes[0] >= wanted_s * SLOW - 1.0
    assert str(state(play)) == DONE


def test_another_deployment_lets_the_paused_slot_cool_down(tmp_path: Path) -> None:
    """Stopped by a signal at 50 %, then other content: green had weight, so it is left alone for 120 s first."""
    play = on(rest(served_twice(tmp_path, time_scale=SLOW)), "3")
    last_s = 0.0

    def stop() -> None:
        play.region.signal = 15

    after_write(play, 4, stop)
    assert play.run(Deploy()).exit_code == 143
    play.region.signal, play.region.after_call = None, None
    last_s = play.region.now_s
    events = on(play, "4").events(Deploy(hold=True))
    touched_s = next(e.at_s for e in events if isinstance(e, StepBegan) and isinstance(e.step, UpdateService))
    assert ended(events).exit_code == 0
    assert touched_s - last_s >= 120.0 * SLOW - 1.0


# What is said


@dataclass(slots=True)
class Talking(Shell):
    """A command that prints what it was given."""

    def run(self, command: str, environment: Mapping[str, str], timeout_s: float) -> CommandResult:
        """Fail, with the taste header in the output."""
        result = Shell.run(self, command, environment, timeout_s)
        said = f"{result.output}\n+ curl -H '{environment['TEAL_HEADER']}' http://..\nno"
        return CommandResult(exit_code=1, output=said.partition("\n")[2])


def test_no_event_tells_a_secret(two: Stage) -> None:
    """Neither the taste secret nor an argument of a gate's command is in any event or line of the journal."""
    shell = Talking()
    play = with_gate(on(two, "3"), "./smoke.sh --token hunter2", shell)
    events = play.events(Deploy())
    secret = shell.seen[0]["TEAL_HEADER"].partition(": ")[2]
    assert len(secret) > 20
    told = [json.dumps(event_json(event, "r")) for event in (*events, *play.story.events)]
    assert [line for line in told if secret in line or "hunter2" in line] == []
    assert next(event.reason for event in events if isinstance(event, StepFailed)).endswith(
        "'X-Teal-Taste: •••' http://..\nno"
    )


@pytest.mark.parametrize(("nth", "row"), [(3, Row.WRITING), (4, Row.BAKING)])
def test_a_first_deployment_has_abort_for_its_way_back(tmp_path: Path, nth: int, row: Row) -> None:
    """Rollback of a first deployment has nothing to go back to; its hint names the command that ends it."""
    play = killed(on(app(tmp_path), "1"), Deploy(), ("CreateRule", nth))
    assert state(play).row == row
    refused = play.run(Rollback())
    assert (refused.exit_code, "teal abort" in refused.hint) == (5, True)
    assert play.run(Abort()).exit_code == 0
