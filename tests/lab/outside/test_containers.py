"""Containers that check their health and wait for each other, as real processes."""

from pathlib import Path

import pytest

from lab.outside.town import NETWORK, PORT, Town, until

pytestmark = pytest.mark.lab
SIZE = {
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "executionRoleArn": "arn:aws:iam::000000000000:role/lab",
}
LOGS = {
    "logDriver": "awslogs",
    "options": {"awslogs-group": "/shop/web", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "ecs"},
}


def script(name: str, text: str) -> dict[str, object]:
    """Return a container that is a shell script and logs what it says."""
    shell = {"image": "lab/sample:1", "entryPoint": ["/bin/sh", "-c"], "command": [text]}
    return {"name": name, "logConfiguration": LOGS, **shell}


def test_a_migration_runs_first_and_sickness_replaces_a_task(town: Town, tmp_path: Path) -> None:
    """The app starts when the migration has succeeded; when its health check fails, the service starts another task."""
    sick = tmp_path / "sick"
    town.build("web")
    migrate = script("migrate", "echo migrated") | {"essential": False}
    web = {
        "name": "web",
        "image": "lab/sample:1",
        "portMappings": [{"containerPort": PORT}],
        "dependsOn": [{"containerName": "migrate", "condition": "SUCCESS"}],
        "healthCheck": {"command": ["CMD-SHELL", f'test -n "$PORT" -a ! -e {sick}'], "interval": 5, "retries": 2},
    }
    made = town.client("ecs").register_task_definition(family="web", containerDefinitions=[web, migrate], **SIZE)
    town.serve("web", made["taskDefinition"]["taskDefinitionArn"], 1)
    until(lambda: town.look("web")["deployments"][0]["rolloutState"] == "COMPLETED", "the deployment completes", 60)
    (arn,) = town.tasks()
    (task,) = town.client("ecs").describe_tasks(cluster="demo", tasks=[arn])["tasks"]
    assert task["healthStatus"] == "HEALTHY"
    found = {
        each["name"]: (each["lastStatus"], each["healthStatus"], each.get("exitCode")) for each in task["containers"]
    }
    assert found == {"web": ("RUNNING", "HEALTHY", None), "migrate": ("STOPPED", "UNKNOWN", 0)}
    said = town.client("logs").filter_log_events(logGroupName="/shop/web", filterPattern="migrated")["events"]
    assert [each["message"] for each in said] == ["migrated"]
    sick.touch()
    until(lambda: arn not in town.tasks(), "the task is given up", 60)
    sick.unlink()
    (gone,) = town.client("ecs").describe_tasks(cluster="demo", tasks=[arn])["tasks"]
    assert gone["stoppedReason"] == "Task failed container health checks"
    town.stable("web")
    assert arn not in town.tasks()


def test_a_job_with_overrides_reports_its_exit_code(town: Town) -> None:
    """RunTask with another command and environment: they reach the process, and its exit code comes back."""
    town.build("web")
    town.client("ecs").register_task_definition(family="job", containerDefinitions=[script("job", "exit 1")], **SIZE)
    override = {
        "name": "job",
        "command": ["echo $GREETING; exit $CODE"],
        "environment": [{"name": "GREETING", "value": "hello"}, {"name": "CODE", "value": "7"}],
    }
    (task,) = town.client("ecs").run_task(
        cluster="demo",
        taskDefinition="job",
        launchType="FARGATE",
        networkConfiguration=NETWORK,
        overrides={"containerOverrides": [override]},
    )["tasks"]
    town.wait("ecs", "tasks_stopped", cluster="demo", tasks=[task["taskArn"]])
    (done,) = town.client("ecs").describe_tasks(cluster="demo", tasks=[task["taskArn"]])["tasks"]
    assert (done["stopCode"], done["containers"][0]["exitCode"]) == ("EssentialContainerExited", 7)
    stream = f"ecs/job/{task['taskArn'].rpartition('/')[2]}"
    said = town.client("logs").get_log_events(logGroupName="/shop/web", logStreamName=stream)["events"]
    assert [each["message"] for each in said] == ["hello"]


def test_a_deployment_is_stopped_and_goes_back(town: Town) -> None:
    """StopServiceDeployment on a rollout that never gets healthy: what served before serves, and is stable."""
    town.build("web")
    town.serve("web", town.define({"REVISION": "one"}))
    until(lambda: town.look("web")["deployments"][0]["rolloutState"] == "COMPLETED", "the first roll-out", 60)
    good = town.look("web")["taskDefinition"]
    bad = town.define({"REVISION": "two", "HEALTH_AFTER_SECONDS": "1000"})
    town.client("ecs").update_service(
        cluster="demo", service="web", taskDefinition=bad, healthCheckGracePeriodSeconds=9999
    )
    until(lambda: town.look("web")["deployments"][0]["runningCount"] == 2, "the second revision runs", 60)
    (deployment,) = town.client("ecs").list_service_deployments(cluster="demo", service="web", status=["IN_PROGRESS"])[
        "serviceDeployments"
    ]
    town.client("ecs").stop_service_deployment(serviceDeploymentArn=deployment["serviceDeploymentArn"])
    town.stable("web")
    assert town.look("web")["taskDefinition"] == good
    assert town.answers() == {(200, "one")}
