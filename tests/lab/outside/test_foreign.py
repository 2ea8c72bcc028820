"""Clients that know nothing of teal set a scene, deploy, wait, and are told the truth."""

import json
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from lab.outside.town import CHECK, NETWORK, PORT, Town, until
from lab.outside.under_load import load

pytestmark = pytest.mark.lab
BOTO3_SCRIPT = Path(__file__).resolve().parents[3] / "examples" / "boto3" / "deploy.py"


def definition(folder: Path, revision: str) -> str:
    """Write a task definition that logs to CloudWatch; return it as an argument."""
    container = {
        "name": "web",
        "image": "lab/sample:1",
        "essential": True,
        "portMappings": [{"containerPort": PORT}],
        "environment": [{"name": "REVISION", "value": revision}],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {"awslogs-group": "/shop", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "web"},
        },
    }
    body = {
        "family": "shop",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::000000000000:role/execution",
        "containerDefinitions": [container],
    }
    path = folder / f"{revision}.json"
    path.write_text(json.dumps(body))
    return f"file://{path}"


def balancing(town: Town) -> str:
    """Make a load balancer with a rule that forwards to a group; return the group's ARN."""
    made = town.aws("elbv2", "create-load-balancer", "--name", "shop", "--subnets", "subnet-a", "subnet-b")
    balancer, town.host = (made["LoadBalancers"][0][key] for key in ("LoadBalancerArn", "DNSName"))
    check = ["--health-check-path", CHECK["HealthCheckPath"], "--health-check-interval-seconds", "5"]
    check += ["--health-check-timeout-seconds", "2", "--healthy-threshold-count", "2", "--vpc-id", "vpc-lab"]
    group = town.aws(
        *("elbv2", "create-target-group", "--name", "shop", "--protocol", "HTTP", "--port", str(PORT)),
        *("--target-type", "ip", *map(str, check)),
    )["TargetGroups"][0]["TargetGroupArn"]
    listener = town.aws(
        *("elbv2", "create-listener", "--load-balancer-arn", balancer, "--protocol", "HTTP", "--port", "80"),
        *("--default-actions", "Type=fixed-response,FixedResponseConfig={StatusCode=404}"),
    )["Listeners"][0]["ListenerArn"]
    town.aws(
        *("elbv2", "create-rule", "--listener-arn", listener, "--priority", "10"),
        *("--conditions", "Field=path-pattern,Values=/*", "--actions", f"Type=forward,TargetGroupArn={group}"),
    )
    return str(group)


def test_the_aws_command(town: Town) -> None:
    """The plain `aws` command sets a whole scene, waits for it, updates it, waits again; requests agree each time."""
    town.aws("ecs", "create-cluster", "--cluster-name", "demo")
    group = balancing(town)
    town.aws("ecs", "register-task-definition", "--cli-input-json", definition(town.root, "one"))
    wanted = {
        "cluster": "demo",
        "serviceName": "shop",
        "taskDefinition": "shop",
        "desiredCount": 2,
        "launchType": "FARGATE",
        "networkConfiguration": NETWORK,
        "loadBalancers": [{"targetGroupArn": group, "containerName": "web", "containerPort": PORT}],
    }
    town.aws("ecs", "create-service", "--cli-input-json", json.dumps(wanted))
    until(lambda: town.look("shop")["deployments"][0]["rolloutState"] == "COMPLETED", "the service is up")
    town.aws("elbv2", "wait", "target-in-service", "--target-group-arn", group)
    town.aws("ecs", "wait", "services-stable", "--cluster", "demo", "--services", "shop")
    assert town.answers() == {(200, "one")}
    town.aws("ecs", "register-task-definition", "--cli-input-json", definition(town.root, "two"))
    update = ("ecs", "update-service", "--cluster", "demo", "--service", "shop", "--task-definition", "shop")
    assert len(town.aws(*update)["service"]["deployments"]) == 2
    town.aws("ecs", "wait", "services-stable", "--cluster", "demo", "--services", "shop")
    assert town.answers() == {(200, "two")}
    lines = town.aws("logs", "filter-log-events", "--log-group-name", "/shop")["events"]
    assert lines
    refused = town.run("aws", "ecs", "wait", "services-inactive", "--cluster", "none", "--services", "shop")
    assert refused.returncode == 255
    assert "ClusterNotFoundException" in refused.stderr


def ecs_deploy(town: Town, *words: str) -> "CompletedProcess[str]":
    """Run `ecs deploy` on the service."""
    common = ("ecs", "deploy", "demo", "web", "--region", "eu-west-1", "--sleep-time", "0", "--timeout", "25")
    return town.run(*common, *words)


def test_ecs_deploy(town: Town) -> None:
    """`ecs deploy` changes the environment and waits until it is so; a revision that crashes makes it fail."""
    town.build("web")
    town.serve("web", town.define({"REVISION": "one"}))
    town.stable("web")
    done = ecs_deploy(town, "-e", "web", "REVISION", "two", "-i", "web", "lab/sample:2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Deployment successful" in done.stdout
    until(lambda: town.answers() == {(200, "two")}, "the new revision alone answers", within_s=5)
    image = town.client("ecs").describe_task_definition(taskDefinition="web")["taskDefinition"]
    assert image["containerDefinitions"][0]["image"] == "lab/sample:2"
    failed = ecs_deploy(town, "-e", "web", "FAIL", "crash", "--timeout", "6")
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "Deployment failed" in failed.stdout + failed.stderr
    assert town.answers() == {(200, "two")}


def test_boto3(town: Town) -> None:
    """A boto3 script rolls an update out and then moves weight to a second service; no request is lost meanwhile."""
    command = [sys.executable, "-u", str(BOTO3_SCRIPT), "--poll-seconds", "1", "--hold-seconds", "2"]
    with subprocess.Popen(command, env=town.environment(), stdout=subprocess.PIPE, text=True) as script:
        try:
            assert script.stdout is not None
            town.host = script.stdout.readline().removeprefix("load balancer ").strip()
            until(lambda: town.ask()[0] == 200, "blue answers", within_s=60)
            with load(town, "--rate", "50") as counts:
                told, _ = script.communicate(timeout=120)
                until(lambda: town.answers() == {(200, "three")}, "green alone answers")
        finally:
            script.kill()
    assert script.returncode == 0
    weights = [line for line in told.splitlines() if line.startswith("blue ") and "green" in line]
    assert weights == ["blue 90, green 10", "blue 50, green 50", "blue 0, green 100"]
    assert (counts["failed"], counts["failures"]) == (0, {})
    assert {"two", "three"} <= set(counts["slots"])
    look = town.client("ecs").describe_services(cluster="boto3-example", services=["blue", "green"])["services"]
    assert [each["taskDefinition"].rpartition(":")[2] for each in look] == ["2", "3"]
    assert [each["deployments"][0]["rolloutState"] for each in look] == ["COMPLETED", "COMPLETED"]
