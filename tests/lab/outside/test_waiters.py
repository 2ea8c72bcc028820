"""What botocore's waiters say of the lab is true at that moment."""

import pytest
from botocore.exceptions import WaiterError

from lab.outside.town import NETWORK, Town, until

pytestmark = pytest.mark.lab
BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}


def test_the_life_of_a_service(town: Town) -> None:
    """From the load balancer to the inactive service, each waiter returns when it is so and not before."""
    town.build("web")
    town.wait("elbv2", "load_balancer_exists", LoadBalancerArns=[town.arns["shop"]])
    town.wait("elbv2", "load_balancer_available", LoadBalancerArns=[town.arns["shop"]])
    until(lambda: town.answers() == {(503, "")}, "the listener answers")
    assert town.serve("web", town.define({"REVISION": "one"}))["runningCount"] == 0
    until(lambda: len(town.tasks()) == 2, "tasks are launched")
    tasks = town.tasks()
    town.wait("ecs", "tasks_running", cluster="demo", tasks=tasks)
    town.wait("elbv2", "target_in_service", TargetGroupArn=town.arns["web"])
    assert town.answers() == {(200, "one")}
    town.stable("web")
    assert town.states("web") == ["healthy", "healthy"]
    described = town.client("elbv2").describe_target_health(TargetGroupArn=town.arns["web"])
    targets = [each["Target"] for each in described["TargetHealthDescriptions"]]
    with pytest.raises(WaiterError, match="Max attempts"):
        town.client("ecs").get_waiter("services_inactive").wait(
            cluster="demo", services=["web"], WaiterConfig={"Delay": 0, "MaxAttempts": 2}
        )
    town.client("ecs").delete_service(cluster="demo", service="web", force=True)
    town.wait("elbv2", "target_deregistered", TargetGroupArn=town.arns["web"], Targets=targets)
    assert town.states("web") == []
    town.wait("ecs", "tasks_stopped", cluster="demo", tasks=tasks)
    town.wait("ecs", "services_inactive", cluster="demo", services=["web"])
    assert town.tasks() == []
    town.client("elbv2").delete_load_balancer(LoadBalancerArn=town.arns["shop"])
    town.wait("elbv2", "load_balancers_deleted", LoadBalancerArns=[town.arns["shop"]])


def test_a_rollback_is_stable_again(town: Town) -> None:
    """The circuit breaker rolls a crashing revision back: stable at the end, and what served before serves."""
    town.build("web")
    town.serve("web", town.define({"REVISION": "one"}), deploymentConfiguration=BREAKER)
    town.stable("web")
    # As on AWS, stable says that the tasks run; the roll-out is complete when their targets are healthy too.
    until(lambda: town.look("web")["deployments"][0]["rolloutState"] == "COMPLETED", "the first roll-out is complete")
    good = town.look("web")["taskDefinition"]
    bad = town.define({"REVISION": "two", "FAIL": "crash"})
    updated = town.client("ecs").update_service(cluster="demo", service="web", taskDefinition=bad)["service"]
    assert [each["rolloutState"] for each in updated["deployments"]] == ["IN_PROGRESS", "COMPLETED"]
    town.stable("web")
    found = town.look("web")
    assert found["taskDefinition"] == good
    assert any("rolling back to deployment" in each["message"] for each in found["events"])
    assert town.answers() == {(200, "one")}


def test_a_task_alone(town: Town) -> None:
    """A task that is run by hand: running, at its own address, then stopped, with the exit code of its process."""
    town.build("web")
    definition = town.define()
    (task,) = town.client("ecs").run_task(
        cluster="demo", taskDefinition=definition, launchType="FARGATE", networkConfiguration=NETWORK
    )["tasks"]
    arn = task["taskArn"]
    town.wait("ecs", "tasks_running", cluster="demo", tasks=[arn])
    address = task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    until(lambda: town.ask(host=address.replace("10.", "127.", 1)) == (200, "1"), "the task answers")
    town.client("ecs").stop_task(cluster="demo", task=arn)
    town.wait("ecs", "tasks_stopped", cluster="demo", tasks=[arn])
    (found,) = town.client("ecs").describe_tasks(cluster="demo", tasks=[arn])["tasks"]
    assert (found["stopCode"], found["containers"][0]["exitCode"]) == ("UserInitiated", 0)
