"""Service deployments and service revisions: list, describe, stop."""

from datetime import timedelta

import pytest

from ecs_stage import GROUP, Behaviour, Json, Stage, is_stable, rules

SLOW = Behaviour(healthy_after_s=1000)


def listed(stage: Stage, **query: object) -> list[str]:
    """Return the statuses of the deployments of `web`, newest first."""
    answer = stage.ecs("ListServiceDeployments", cluster="demo", service="web", **query)
    return [str(each["status"]) for each in answer["serviceDeployments"]]


def newest(stage: Stage) -> Json:
    """Describe the newest deployment of `web`."""
    arn = stage.ecs("ListServiceDeployments", cluster="demo", service="web")["serviceDeployments"][0]
    found: Json = stage.ecs("DescribeServiceDeployments", serviceDeploymentArns=[arn["serviceDeploymentArn"]])
    return dict(found["serviceDeployments"][0])


def moving(**extra: object) -> tuple[Stage, Json]:
    """Return a stage where `web:2` is being deployed and never gets healthy, and the service as it was before."""
    stage = Stage()
    before = stage.stand(**extra)
    stage.images["web:2"] = SLOW
    stage.register(image="web:2")
    stage.update(taskDefinition="web")
    stage.run(5)
    return stage, before


def stop(stage: Stage, **extra: object) -> str:
    """Stop the newest deployment."""
    arn = str(newest(stage)["serviceDeploymentArn"])
    answer = stage.ecs("StopServiceDeployment", serviceDeploymentArn=arn, **extra)
    assert answer == {"serviceDeploymentArn": arn}
    return arn


@pytest.mark.parametrize("rollback", [True, False])
def test_a_stopped_deployment_goes_back(*, rollback: bool) -> None:
    """ROLLBACK_REQUESTED, ROLLBACK_IN_PROGRESS, ROLLBACK_SUCCESSFUL, whether or not the circuit breaker would."""
    stage, before = moving(deploymentConfiguration=rules(100, 200, enable=rollback, rollback=rollback))
    arn = stop(stage)
    assert listed(stage) == ["ROLLBACK_REQUESTED", "SUCCESSFUL"]
    assert stage.look()["currentServiceDeployment"] == arn
    stage.run(0.1)
    found = newest(stage)
    assert found["status"] == "ROLLBACK_IN_PROGRESS"
    assert found["rollback"]["serviceRevisionArn"] == found["sourceServiceRevisions"][0]["arn"]
    assert found["deploymentCircuitBreaker"]["status"] in {"DISABLED", "MONITORING_COMPLETE"}
    states = [(each["status"], each["rolloutState"]) for each in stage.look()["deployments"]]
    assert states == [("PRIMARY", "IN_PROGRESS"), ("ACTIVE", "FAILED")]
    assert not is_stable(stage)
    stop(stage, stopType="ROLLBACK")  # it goes on
    stage.run(10)
    assert listed(stage) == ["ROLLBACK_SUCCESSFUL", "SUCCESSFUL"]
    assert stage.look()["taskDefinition"] == before["taskDefinition"]
    assert is_stable(stage)
    good = before["deployments"][0]["id"]
    assert f"(service web) rolling back to deployment {good}." in stage.events()
    assert "currentServiceDeployment" not in stage.look()


def test_a_deployment_is_pending_until_the_service_looks() -> None:
    """PENDING has no start yet; stopped before it began, it goes back all the same."""
    stage = Stage()
    before = stage.stand()
    stage.update(forceNewDeployment=True)
    assert (newest(stage)["status"], "startedAt" in newest(stage)) == ("PENDING", False)
    stage.run(0.1)
    assert (newest(stage)["status"], "startedAt" in newest(stage)) == ("IN_PROGRESS", True)
    stage.update(forceNewDeployment=True)
    stop(stage)
    stage.run(12)
    assert listed(stage) == ["ROLLBACK_SUCCESSFUL", "STOPPED", "SUCCESSFUL"]
    assert stage.look()["deployments"][0]["id"] == before["deployments"][0]["id"]


def test_a_first_deployment_that_is_stopped_has_nowhere_to_go() -> None:
    """Without a completed deployment the rollback fails, and no more tasks are started."""
    stage = Stage()
    stage.images["web:1"] = SLOW
    stage.register()
    stage.service()
    stage.run(3)
    stop(stage)
    stage.run(1)
    found = newest(stage)
    assert found["status"] == "ROLLBACK_FAILED"
    assert "no completed deployment" in found["statusReason"]
    stage.kill(stage.tasks()[0]["taskArn"])
    stage.run(60)
    assert stage.look()["runningCount"] == 1
    assert stage.look()["deployments"][0]["rolloutState"] == "FAILED"


def test_an_update_overtakes_a_stop() -> None:
    """A newer deployment ends the rollback of the one before."""
    stage, _ = moving()
    stop(stage)
    stage.register(image="web:3")
    stage.update(taskDefinition="web")
    stage.run(12)
    assert listed(stage) == ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]
    assert is_stable(stage)


def test_what_cannot_be_stopped() -> None:
    """A deployment that is over, an unknown one, and another way of stopping are refused."""
    stage = Stage()
    stage.stand()
    arn = newest(stage)["serviceDeploymentArn"]
    code, message = stage.refusal("StopServiceDeployment", serviceDeploymentArn=arn)
    assert (code, "SUCCESSFUL" in message) == ("ConflictException", True)
    code, _ = stage.refusal("StopServiceDeployment", serviceDeploymentArn=arn + "x")
    assert code == "ServiceDeploymentNotFoundException"
    code, _ = stage.refusal("StopServiceDeployment", serviceDeploymentArn=arn, stopType="ABORT")
    assert code == "InvalidParameterException"


def test_a_failed_deployment_without_rollback_says_when_it_stopped() -> None:
    """Described in full it has stoppedAt; the brief of ListServiceDeployments knows only finishedAt."""
    stage = Stage()
    stage.images["web:1"] = Behaviour(dies_after_s=0.3)
    stage.register()
    stage.service(deploymentConfiguration=rules(100, 200, enable=True))
    stage.run(30)
    found = newest(stage)
    assert (found["status"], found["stoppedAt"]) == ("STOPPED", found["finishedAt"])
    assert found["deploymentCircuitBreaker"]["status"] == "TRIGGERED"


def test_revisions_say_what_was_deployed() -> None:
    """A service revision has task definition, images with digests, network and load balancers of its deployment."""
    stage = Stage()
    service = stage.stand()
    arn = newest(stage)["targetServiceRevision"]["arn"]
    answer = stage.ecs("DescribeServiceRevisions", serviceRevisionArns=[arn, "arn:none"])
    assert answer["failures"] == [{"arn": "arn:none", "reason": "MISSING"}]
    (found,) = answer["serviceRevisions"]
    assert found["taskDefinition"] == service["taskDefinition"]
    assert found["networkConfiguration"] == service["networkConfiguration"]
    assert found["loadBalancers"] == [{"targetGroupArn": GROUP, "containerName": "web", "containerPort": 8080}]
    (image,) = found["containerImages"]
    assert (image["containerName"], image["image"]) == ("web", "web:1")
    assert image["imageDigest"].startswith("sha256:")


@pytest.mark.parametrize(
    ("operation", "key"),
    [("DescribeServiceDeployments", "serviceDeploymentArns"), ("DescribeServiceRevisions", "serviceRevisionArns")],
)
def test_twenty_are_described_at_most(operation: str, key: str) -> None:
    """None and twenty-one are refused."""
    stage = Stage()
    for count in (0, 21):
        code, message = stage.refusal(operation, **{key: ["arn"] * count})
        assert (code, "1 to 20" in message) == ("InvalidParameterException", True)


@pytest.mark.parametrize(("time_scale", "kept_s"), [(1.0, 90 * 86400.0), (0.01, 90 * 864.0), (1e-6, 3600.0)])
def test_service_deployments_are_remembered_for_90_days(time_scale: float, kept_s: float) -> None:
    """A deployment forgets those that ended 90 days ago, scaled, at least an hour; what is still deployed stays."""
    stage = Stage(time_scale=time_scale)
    stage.stand()
    first = newest(stage)["targetServiceRevision"]["arn"]
    #  seconds until the next deployment, and how many are remembered then
    for passing_s, remembered in ((2 * kept_s, 2), (kept_s - 600, 2), (500, 3), (500, 3)):
        stage.now_s += passing_s
        stage.update(forceNewDeployment=True)
        assert len(listed(stage)) == remembered
        stage.run(20)
    answer = stage.ecs("DescribeServiceRevisions", serviceRevisionArns=[first])
    assert answer == {"serviceRevisions": [], "failures": [{"arn": first, "reason": "MISSING"}]}


def test_what_a_service_goes_back_to_is_never_forgotten() -> None:
    """The last deployment that completed stays, also without tasks and however long ago it ended."""
    stage = Stage(time_scale=1e-6)
    before = stage.stand()
    stage.update(desiredCount=0)
    stage.run(10)
    stage.now_s += 2 * 3600.0
    stage.update(forceNewDeployment=True, desiredCount=1)
    stop(stage)
    stage.run(10)
    assert listed(stage) == ["ROLLBACK_SUCCESSFUL", "SUCCESSFUL"]
    assert stage.look()["deployments"][0]["id"] == before["deployments"][0]["id"]


def test_what_still_has_tasks_is_never_forgotten() -> None:
    """A deployment that failed long ago stays while its tasks run."""
    stage = Stage(time_scale=1e-6)
    stage.images["web:1"] = SLOW
    stage.register()
    stage.service()
    stage.run(3)
    stop(stage)
    stage.run(1)
    stage.now_s += 2 * 3600.0
    stage.images["web:2"] = SLOW
    stage.register(image="web:2")
    stage.update(taskDefinition="web:2")
    assert listed(stage) == ["PENDING", "ROLLBACK_FAILED"]


def test_service_deployments_can_be_filtered() -> None:
    """ListServiceDeployments goes by status and pages; DescribeServiceDeployments names what is missing."""
    stage = Stage()
    stage.stand()
    stage.update(forceNewDeployment=True)
    query: Json = {"cluster": "demo", "service": "web"}
    stage.run(0.1)
    running = stage.ecs("ListServiceDeployments", **query, status=["IN_PROGRESS"])["serviceDeployments"]
    done = stage.ecs("ListServiceDeployments", **query, status=["SUCCESSFUL"])["serviceDeployments"]
    assert (len(running), len(done)) == (1, 1)
    first = stage.ecs("ListServiceDeployments", **query, maxResults=1)
    assert first["serviceDeployments"] == running
    rest = stage.ecs("ListServiceDeployments", **query, maxResults=1, nextToken=first["nextToken"])
    assert rest["serviceDeployments"] == done
    arns = [running[0]["serviceDeploymentArn"], "arn:none"]
    began = running[0]["createdAt"]
    assert listed(stage, createdAt={"after": began}) == ["IN_PROGRESS"]
    assert listed(stage, createdAt={"before": began - timedelta(seconds=1)}) == ["SUCCESSFUL"]
    answer = stage.ecs("DescribeServiceDeployments", serviceDeploymentArns=arns)
    full = answer["serviceDeployments"][0]
    assert full["sourceServiceRevisions"] == [{"arn": done[0]["targetServiceRevisionArn"]}]
    assert answer["failures"] == [{"arn": "arn:none", "reason": "MISSING"}]
