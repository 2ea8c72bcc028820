"""Every waiter that botocore has for ECS and ELBv2 tells the truth of the lab: not before it is so, and when it is so.

The waiters are botocore's, unmodified; the region is in memory. Each poll lets a second of the region pass, so a test
sees every answer and waits for nothing. `test_no_waiter_is_without_a_test` keeps the list whole.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise

import botocore.loaders
import pytest

from lab.world.waiting import Scene, Watch
from region import set_scene
from teal.lab.world.wires import Phase

TELLING: set[tuple[str, str]] = set()
Test = Callable[..., None]


def tells(service: str, *waiters: str) -> Callable[[Test], Test]:
    """Say whose truth a test is about."""
    TELLING.update((service, each) for each in waiters)
    return lambda test: test


WEB = {"cluster": "shop", "services": ["web"]}


@tells("ecs", "ServicesStable")
def test_a_new_service_is_stable_when_its_tasks_run() -> None:
    """Two tasks are asked for: the waiter returns when both processes run, and not before."""
    scene = Scene()
    scene.serve(scene.define())
    scene.truth = lambda: scene.look()["runningCount"] == len(scene.processes()) == 2
    scene.wait("ecs", "ServicesStable", **WEB)
    assert scene.truths[-1]
    assert not scene.truths[0]


@tells("ecs", "ServicesStable")
def test_a_rollout_is_not_stable() -> None:
    """While a new revision comes up the service is not stable; it is when only the new one is left, all healthy."""
    scene = Scene()
    scene.stand()
    scene.update(taskDefinition=scene.define("web:slow"))
    scene.stays_false("ecs", "ServicesStable", **WEB)
    second = scene.define("web:2")
    scene.update(taskDefinition=second)
    scene.comes_true(
        "ecs",
        "ServicesStable",
        lambda: scene.processes() == [(second, Phase.RUN)] * 2 and scene.listening() == 2,
        **WEB,
    )
    assert scene.look()["deployments"][0]["rolloutState"] == "COMPLETED"


@tells("ecs", "ServicesStable")
@pytest.mark.parametrize("image", ["web:crash", "web:sick"])
def test_a_rollback_of_the_circuit_breaker_ends_stable(image: str) -> None:
    """Until the rollback has ended it is not stable; then the revision from before serves alone."""
    scene = Scene()
    first = scene.stand()
    scene.update(taskDefinition=scene.define(image))
    scene.truth = lambda: any("rolling back" in each["message"] for each in scene.look()["events"])
    scene.wait("ecs", "ServicesStable", **WEB)
    assert scene.truths[-1]
    assert not scene.truths[0]
    assert set(scene.processes()) == {(first, Phase.RUN)}
    assert scene.listening() == 2
    (deployment,) = scene.look()["deployments"]
    assert (deployment["rolloutState"], deployment["taskDefinition"].rpartition("/")[2]) == ("COMPLETED", first)


@tells("ecs", "ServicesStable")
def test_a_failed_deployment_without_rollback_is_never_stable() -> None:
    """The circuit breaker stopped it and nothing goes back: the waiter waits in vain."""
    scene = Scene()
    scene.stand()
    scene.update(deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": False}})
    scene.update(taskDefinition=scene.define("web:crash"))
    scene.region.pass_time(120)
    assert scene.look()["deployments"][0]["rolloutState"] == "FAILED"
    scene.stays_false("ecs", "ServicesStable", **WEB)


@tells("ecs", "ServicesStable")
@pytest.mark.parametrize("count", [4, 1])
def test_scaling_is_stable_when_the_tasks_are_there(count: int) -> None:
    """More tasks: when they run. Fewer: when the others have left RUNNING."""
    scene = Scene()
    scene.stand()
    scene.update(desiredCount=count)
    scene.truth = lambda: scene.look()["runningCount"] == count
    scene.wait("ecs", "ServicesStable", **WEB)
    assert scene.truths[-1]


@tells("ecs", "ServicesStable", "ServicesInactive")
def test_a_service_that_is_not_there_is_a_failure() -> None:
    """Neither stable nor inactive: both waiters say that it is missing."""
    for waiter in ("ServicesStable", "ServicesInactive"):
        Scene().fails("ecs", waiter, "MISSING", **WEB)


@tells("ecs", "ServicesInactive", "ServicesStable")
def test_a_service_is_inactive_when_its_tasks_have_left() -> None:
    """An ACTIVE service is not inactive; a DRAINING one neither, nor stable; INACTIVE, its tasks serve no more."""
    scene = Scene()
    scene.stand()
    scene.stays_false("ecs", "ServicesInactive", **WEB)
    scene.region.aws("ecs", "DeleteService", cluster="shop", service="web", force=True)
    scene.fails("ecs", "ServicesStable", "DRAINING", **WEB)
    scene.truth = lambda: not scene.targets()
    scene.wait("ecs", "ServicesInactive", **WEB)
    assert scene.truths[-1]
    assert not scene.truths[0]
    assert not any(phase is Phase.RUN for _, phase in scene.processes())
    scene.fails("ecs", "ServicesStable", "INACTIVE", **WEB)


@tells("ecs", "TasksRunning", "TasksStopped")
def test_a_task_runs_and_is_stopped() -> None:
    """RUNNING when its process was started, STOPPED when its process has ended; a stopped task is no running one."""
    scene = Scene()
    scene.define()
    task = {"cluster": "shop", "tasks": [scene.run()]}
    scene.truth = lambda: bool(scene.processes())
    scene.wait("ecs", "TasksRunning", **task)
    assert scene.truths[-1]
    scene.stays_false("ecs", "TasksStopped", **task)
    scene.at_poll = lambda number: (
        number == 2 and scene.region.aws("ecs", "StopTask", cluster="shop", task=task["tasks"][0])
    )
    scene.comes_true("ecs", "TasksStopped", lambda: not scene.processes(), **task)
    scene.at_poll = lambda _: None
    scene.fails("ecs", "TasksRunning", "STOPPED", **task)


@tells("ecs", "TasksRunning", "TasksStopped")
def test_all_tasks_count() -> None:
    """One of two that does not run yet, or still runs, is enough to wait for; a missing one is a failure."""
    scene = Scene()
    scene.define()
    tasks = [scene.run(), scene.run()]
    scene.wait("ecs", "TasksRunning", cluster="shop", tasks=tasks)
    scene.region.aws("ecs", "StopTask", cluster="shop", task=tasks[0])
    scene.region.pass_time(5)
    scene.stays_false("ecs", "TasksStopped", cluster="shop", tasks=tasks)
    scene.fails("ecs", "TasksRunning", "MISSING", cluster="shop", tasks=["0" * 32])


@tells("ecs", "TasksRunning")
def test_a_task_whose_containers_wait_does_not_run() -> None:
    """A task is not running while a container waits for another one."""
    scene = Scene()
    first = {"name": "first", "image": "first:1", "essential": False}
    waits = {"dependsOn": [{"containerName": "first", "condition": "COMPLETE"}]}
    scene.define(containerDefinitions=[first, {"name": "web", "image": "web:1"} | waits])
    scene.stays_false("ecs", "TasksRunning", cluster="shop", tasks=[scene.run()])


DAEMONS: Mapping[str, Mapping[str, object]] = {
    "DaemonActive": {"daemonArn": "arn"},
    "DaemonDeploymentStopped": {"daemonDeploymentArns": ["arn"]},
    "DaemonDeploymentSuccessful": {"daemonDeploymentArns": ["arn"]},
    "DaemonTaskDefinitionActive": {"daemonTaskDefinition": "arn"},
    "DaemonTaskDefinitionDeleted": {"daemonTaskDefinition": "arn"},
}


@tells("ecs", *DAEMONS)
@pytest.mark.parametrize("name", DAEMONS)
def test_what_the_lab_does_not_simulate_is_no_success(name: str) -> None:
    """There are no daemons in the lab: their waiters fail at once, and say why."""
    Watch().fails("ecs", name, "NotSimulated", **DAEMONS[name])


@tells("elbv2", "LoadBalancerExists", "LoadBalancerAvailable")
@pytest.mark.parametrize("name", ["LoadBalancerExists", "LoadBalancerAvailable"])
def test_a_balancer_is_there_when_it_was_made(name: str) -> None:
    """The waiters wait for one that is not there yet, and return when it is."""
    watch = Watch()
    watch.stays_false("elbv2", name, Names=["shop"])
    watch.at_poll = lambda number: number == 3 and set_scene(watch.region)
    watch.comes_true("elbv2", name, lambda: len(watch.truths) >= 3, Names=["shop"])


@tells("elbv2", "LoadBalancersDeleted")
def test_a_balancer_is_deleted_when_it_is_gone() -> None:
    """The waiter waits while it is there."""
    scene = Scene()
    arn = scene.balancer()
    scene.stays_false("elbv2", "LoadBalancersDeleted", LoadBalancerArns=[arn])
    scene.at_poll = lambda number: number == 3 and scene.region.aws("elbv2", "DeleteLoadBalancer", LoadBalancerArn=arn)
    scene.comes_true("elbv2", "LoadBalancersDeleted", lambda: len(scene.truths) >= 3, LoadBalancerArns=[arn])


@tells("elbv2", "TargetInService")
def test_targets_are_in_service_when_the_balancer_finds_all_healthy() -> None:
    """Not without targets, not while one of two is sick, not before the first check; then."""
    scene = Scene()
    group = {"TargetGroupArn": scene.group}
    scene.stays_false("elbv2", "TargetInService", **group)
    scene.serve(scene.define())
    scene.comes_true("elbv2", "TargetInService", lambda: scene.listening() == 2, **group)
    assert scene.states() == ["healthy", "healthy"]
    scene.update(healthCheckGracePeriodSeconds=1000)
    scene.region.dead.add("web:1")
    scene.region.pass_time(5)
    scene.stays_false("elbv2", "TargetInService", **group)


@tells("elbv2", "TargetDeregistered")
def test_a_target_is_deregistered_when_its_delay_is_over() -> None:
    """Not while it serves, not while it drains; then no requests are sent there any more."""
    scene = Scene()
    scene.stand()
    wanted = {"TargetGroupArn": scene.group, "Targets": scene.targets()}
    scene.stays_false("elbv2", "TargetDeregistered", **wanted)
    scene.update(desiredCount=0)
    scene.comes_true("elbv2", "TargetDeregistered", lambda: not scene.targets(), **wanted)
    assert len(scene.truths) >= 29
    assert all(before <= after for before, after in pairwise(scene.truths))


def waiters() -> list[tuple[str, str]]:
    """Return every waiter of the two services that botocore knows."""
    load = botocore.loaders.Loader().load_service_model
    return [(each, name) for each in ("ecs", "elbv2") for name in load(each, "waiters-2")["waiters"]]


@pytest.mark.parametrize(("service", "name"), waiters())
def test_no_waiter_is_without_a_test(service: str, name: str) -> None:
    """A waiter that botocore has and this file does not test is a gap."""
    assert (service, name) in TELLING
