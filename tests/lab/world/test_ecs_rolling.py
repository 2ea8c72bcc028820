"""The service scheduler: deployments, replacement, scaling, the circuit breaker."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_stage import GROUP, SECOND, Behaviour, Stage, is_stable, rules

SICK = Behaviour(sick_after_s=2)
CRASH = Behaviour(dies_after_s=0.3)


def test_a_new_service_starts_its_tasks_and_says_so() -> None:
    """Two tasks start, register, get healthy; then the deployment is completed and the service steady."""
    stage = Stage()
    stage.stand()
    tasks = stage.tasks()
    assert [task["lastStatus"] for task in tasks] == ["RUNNING", "RUNNING"]
    names = " ".join(f"(task {task['taskArn'].rpartition('/')[2]})" for task in tasks)
    deployment = stage.look()["deployments"][0]
    assert stage.events() == [
        f"(service web) has started 2 tasks: {names}.",
        f"(service web) registered 1 targets in (target-group {GROUP})",
        f"(service web) registered 1 targets in (target-group {GROUP})",
        f"(service web) (deployment {deployment['id']}) deployment completed.",
        "(service web) has reached a steady state.",
    ]
    assert deployment["rolloutStateReason"] == f"ECS deployment {deployment['id']} completed."
    assert {dial.dial for dial in stage.desk.targets.values()} == {("127.7.0.9", 28080)}


def test_counts_are_true_at_every_moment() -> None:
    """PendingCount and runningCount follow the tasks; nothing runs before the runtime said so."""
    stage = Stage()
    stage.register()
    created = stage.service()
    assert (created["desiredCount"], created["pendingCount"], created["runningCount"]) == (2, 0, 0)
    stage.run(0.5)
    assert (stage.look()["pendingCount"], stage.look()["runningCount"]) == (2, 0)
    stage.run(1.5)
    assert (stage.look()["pendingCount"], stage.look()["runningCount"]) == (0, 2)
    assert stage.look()["deployments"][0]["rolloutState"] == "IN_PROGRESS"


def test_an_update_replaces_tasks_without_losing_health() -> None:
    """With 100/200 percent all new tasks stand before an old one goes, and the waiter is true only at the end."""
    stage = Stage()
    before = stage.stand()["deployments"][0]["id"]
    second = stage.register(image="web:2")
    stage.update(taskDefinition="web:2")
    healthy: list[int] = []

    def look() -> None:
        states = [stage.desk.target_state(GROUP, target, stage.now_s) for _, target in stage.desk.targets]
        healthy.append(states.count("healthy"))
        service = stage.look()
        if is_stable(stage):
            assert [each["rolloutState"] for each in service["deployments"]] == ["COMPLETED"]

    stage.run(0.1)
    assert [each["status"] for each in stage.look()["deployments"]] == ["PRIMARY", "ACTIVE"]
    assert stage.look()["deployments"][1]["id"] == before
    assert not is_stable(stage)
    stage.run(15, look)
    assert min(healthy) == 2
    assert max(healthy) <= 4
    assert is_stable(stage)
    assert {task["taskDefinitionArn"] for task in stage.tasks()} == {second}
    assert stage.look()["taskDefinition"] == second


def test_old_tasks_drain_before_sigterm() -> None:
    """A task that is replaced leaves its group, waits for the deregistration delay, and only then gets SIGTERM."""
    stage = Stage(delay_s=5)
    stage.stand()
    stage.register(image="web:2")
    stage.update(taskDefinition="web")
    stage.run(4)
    leaving = stage.tasks(stopped=True)
    assert [task["lastStatus"] for task in leaving] == ["DEACTIVATING", "DEACTIVATING"]
    assert leaving[0]["stopCode"] == "ServiceSchedulerInitiated"
    primary = stage.look()["deployments"][0]["id"]
    assert leaving[0]["stoppedReason"] == f"Scaling activity initiated by (deployment {primary})"
    assert stage.signals == []
    stage.run(6)
    began = min(each.draining_since_s for each in stage.desk.targets.values() if each.draining_since_s)
    assert all(at_s >= began + 5 for at_s, _, _ in stage.signals)
    assert len(stage.signals) == 2
    assert [sentence.removeprefix("(service web) ").split(" (")[0] for sentence in stage.events()][-8:-2] == [
        "has started 2 tasks:",
        "registered 1 targets in",
        "registered 1 targets in",
        "has stopped 2 running tasks:",
        "deregistered 2 targets in",
        "has begun draining connections on 2 tasks.",
    ]


@settings(max_examples=25, deadline=None)
@given(
    desired=st.integers(0, 7),
    least=st.sampled_from([0, 25, 50, 66, 100]),
    most=st.sampled_from([100, 120, 150, 200]),
)
def test_a_deployment_stays_within_its_percentages(desired: int, least: int, most: int) -> None:
    """Whatever the percentages, healthy tasks never fall below the rounded-up minimum nor all above the maximum."""
    if least == most == 100:
        return
    stage = Stage(delay_s=1)
    stage.stand(desiredCount=desired, deploymentConfiguration=rules(least, most))
    stage.register(image="web:2")
    stage.update(taskDefinition="web")

    def look() -> None:
        service = stage.look()
        states = [stage.desk.target_state(GROUP, target, stage.now_s) for _, target in stage.desk.targets]
        assert states.count("healthy") >= math.ceil(desired * least / 100)
        assert service["pendingCount"] + service["runningCount"] <= desired * most // 100

    stage.run(40, look, step_s=0.25)
    room = desired * most // 100 > desired or math.ceil(desired * least / 100) < desired
    assert stage.look()["deployments"][0]["rolloutState"] == ("COMPLETED" if room or not desired else "IN_PROGRESS")


def test_scaling_is_no_deployment() -> None:
    """DesiredCount changes start or stop tasks inside the same deployment."""
    stage = Stage()
    first = stage.stand()["deployments"][0]["id"]
    stage.update(desiredCount=4)
    assert not is_stable(stage)
    stage.run(6)
    assert stage.look()["runningCount"] == 4
    stage.update(desiredCount=1)
    stage.run(6)
    service = stage.look()
    assert (service["runningCount"], len(service["deployments"]), service["deployments"][0]["id"]) == (1, 1, first)
    assert stage.events()[-1] == "(service web) has reached a steady state."


def test_a_dead_task_is_replaced() -> None:
    """A healthy task that dies is replaced at once; the deployment stays completed."""
    stage = Stage()
    stage.stand()
    stage.kill(stage.tasks()[0]["taskArn"])
    stage.run(0.1)
    assert stage.look()["pendingCount"] == 1
    stage.run(5)
    assert stage.look()["runningCount"] == 2
    assert stage.look()["deployments"][0]["rolloutState"] == "COMPLETED"
    gone = stage.tasks(stopped=True)[0]
    assert (gone["stopCode"], gone["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )


@pytest.mark.parametrize(("grace_s", "killed"), [(0, True), (20, False)])
def test_the_grace_period_protects_a_slow_task(*, grace_s: int, killed: bool) -> None:
    """An unhealthy target ends its task only after the grace period."""
    stage = Stage()
    stage.images["web:1"] = Behaviour(sick_after_s=0)
    stage.register()
    stage.service(healthCheckGracePeriodSeconds=grace_s)
    stage.run(5)
    assert bool(stage.tasks(stopped=True)) is killed


def test_a_sick_task_is_replaced_with_the_reason_of_the_balancer() -> None:
    """The event names task, port, group and the balancer's own reason; the task says which group it failed in."""
    stage = Stage()
    stage.stand()
    stage.images["web:1"] = SICK
    task = stage.tasks()[0]
    task_id = task["taskArn"].rpartition("/")[2]
    stage.sick_note(stage.seen[task_id].address, "Health checks failed with these codes: [500]")
    stage.run(0.1)
    sentence = (
        f"(service web) (task {task_id}) (port 8080) is unhealthy in (target-group {GROUP}) "
        "due to (reason Health checks failed with these codes: [500])."
    )
    assert sentence in stage.events()
    gone = stage.ecs("DescribeTasks", cluster="demo", tasks=[task_id])["tasks"][0]
    assert gone["stoppedReason"] == f"Task failed ELB health checks in (target-group {GROUP})"
    assert gone["lastStatus"] == "DEACTIVATING"


def test_a_task_counts_as_healthy_only_in_all_its_groups() -> None:
    """With two groups a task registers in both, and the deployment waits for both."""
    stage = Stage()
    stage.register()
    both = [{"targetGroupArn": arn, "containerName": "web", "containerPort": 8080} for arn in (GROUP, SECOND)]
    stage.service(loadBalancers=both)
    stage.run(6)
    assert {group for group, _ in stage.desk.targets} == {GROUP, SECOND}
    assert stage.look()["deployments"][0]["rolloutState"] == "COMPLETED"


def test_without_a_balancer_a_task_has_to_run_for_a_while() -> None:
    """A service without load balancer completes after its tasks ran for 40 s, scaled."""
    stage = Stage(time_scale=0.1)
    stage.register()
    stage.service(loadBalancers=[])
    stage.run(4)
    assert stage.look()["runningCount"] == 2
    assert stage.look()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    stage.run(2)
    assert stage.look()["deployments"][0]["rolloutState"] == "COMPLETED"


def test_a_newer_deployment_overtakes() -> None:
    """A second update stops the tasks of the first one and leaves the serving ones until it is healthy itself."""
    stage = Stage()
    first = stage.stand()["taskDefinition"]
    stage.images["web:2"] = Behaviour(healthy_after_s=1000)
    stage.register(image="web:2")
    third = stage.register(image="web:3")
    stage.update(taskDefinition="web:2")
    stage.run(5)
    stage.update(taskDefinition="web:3")
    stage.run(0.5)
    assert len(stage.look()["deployments"]) == 3
    assert sum(task["taskDefinitionArn"] == first for task in stage.tasks()) == 2
    stage.run(20)
    assert {task["taskDefinitionArn"] for task in stage.tasks()} == {third}
    assert len(stage.look()["deployments"]) == 1
    listed = stage.ecs("ListServiceDeployments", cluster="demo", service="web")["serviceDeployments"]
    assert [each["status"] for each in listed] == ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]


def test_going_back_by_hand_in_the_middle_keeps_what_serves() -> None:
    """An update back to the old revision is a new deployment that replaces its equals one by one."""
    stage = Stage()
    first = stage.stand()["taskDefinition"]
    stage.images["web:2"] = CRASH
    stage.register(image="web:2")
    stage.update(taskDefinition="web:2")
    stage.run(5)
    stage.update(taskDefinition="web:1")
    stage.run(15)
    assert is_stable(stage)
    assert {task["taskDefinitionArn"] for task in stage.tasks()} == {first}


def test_a_quiet_region_stays_quiet() -> None:
    """200 steady tasks in 20 services: time passes and nothing happens."""
    stage = Stage()
    stage.register()
    for number in range(20):
        stage.service(f"web-{number}", desiredCount=10)
    stage.run(8)
    assert stage.ecs("DescribeClusters", clusters=["demo"])["clusters"][0]["runningTasksCount"] == 200
    events = len(stage.ground.events)
    for _ in range(3):
        stage.now_s += 0.1
        stage.clusters.advance(stage.now_s)
    assert len(stage.ground.events) == events


MOVES = st.one_of(
    st.tuples(st.just("desiredCount"), st.integers(0, 4)),
    st.tuples(st.just("taskDefinition"), st.sampled_from(["web:1", "web:2", "web:3", "web:4"])),
    st.tuples(st.just("forceNewDeployment"), st.just(True)),
    st.tuples(st.just("kill"), st.integers(0, 9)),
)


@settings(max_examples=25, deadline=None)
@given(moves=st.lists(st.tuples(MOVES, st.sampled_from([0.25, 1.5, 4.0])), max_size=8), rollback=st.booleans())
def test_whatever_happens_a_good_update_ends_well(
    moves: list[tuple[tuple[str, int | str | bool], float]], *, rollback: bool
) -> None:
    """After any history of updates and deaths a good update completes, and no registered task was ever signalled."""
    stage = Stage(time_scale=0.1, delay_s=1)
    stage.images |= {"web:2": CRASH, "web:3": SICK, "web:4": Behaviour(refuses="CannotPullContainerError: gone")}
    for number in range(1, 5):
        stage.register(image=f"web:{number}")
    stage.service(taskDefinition="web:1", deploymentConfiguration=rules(50, 200, enable=True, rollback=rollback))

    def look() -> None:
        for at_s, task_id, _ in stage.signals:
            target = (stage.seen[task_id].address, 8080)
            state = stage.desk.target_state(GROUP, target, at_s)
            assert state is None, f"{task_id} was signalled while {state}"
        service = stage.look()
        assert sum(each["status"] == "PRIMARY" for each in service["deployments"]) == 1

    for (what, value), seconds in moves:
        running = [task for task in stage.tasks() if task["lastStatus"] == "RUNNING"]
        if what != "kill":
            stage.update("web", **{what: value})
        elif running:
            stage.kill(running[int(value) % len(running)]["taskArn"])
        stage.run(seconds, look, step_s=0.25)
    stage.update(desiredCount=3, taskDefinition="web:1", forceNewDeployment=True)
    stage.run(20, look, step_s=0.25)
    assert is_stable(stage)
    assert stage.look()["deployments"][0]["rolloutState"] == "COMPLETED"
