"""CloudWatch Logs over what containers wrote."""

import pytest

from ecs_stage import NETWORK, Json, Stage
from teal.lab.world.ecs_logs import KEPT_BYTES
from teal.lab.world.wires import AwsRefusal, LogLines

LOGGED: Json = {
    "name": "web",
    "image": "web:1",
    "portMappings": [{"containerPort": 8080}],
    "logConfiguration": {
        "logDriver": "awslogs",
        "options": {"awslogs-group": "/demo/web", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "ecs"},
    },
}


def logged(*lines: str) -> tuple[Stage, str]:
    """Return a stage with a task that wrote these lines, and the name of its stream."""
    stage = Stage()
    stage.register(containerDefinitions=[LOGGED, {"name": "quiet", "image": "quiet:1"}])
    task = stage.ecs(
        "RunTask", cluster="demo", taskDefinition="web", launchType="FARGATE", networkConfiguration=NETWORK
    )["tasks"][0]
    stage.run(2)
    task_id = task["taskArn"].rpartition("/")[2]
    for line in lines:
        stage.now_s += 1
        stage.clusters.observe(LogLines(task_id=task_id, container="web", lines=(line,)), stage.now_s)
    stage.clusters.observe(LogLines(task_id=task_id, container="quiet", lines=("unseen",)), stage.now_s)
    return stage, f"ecs/web/{task_id}"


def messages(answer: Json) -> list[str]:
    """Return the text of the events."""
    return [each["message"] for each in answer["events"]]


def test_a_stream_is_named_as_the_driver_names_it() -> None:
    """Group and stream follow the awslogs options; a container without that driver has none."""
    stage, stream = logged("one")
    assert [each["logGroupName"] for each in stage.logs("DescribeLogGroups")["logGroups"]] == ["/demo/web"]
    found = stage.logs("DescribeLogStreams", logGroupName="/demo/web")["logStreams"]
    assert [each["logStreamName"] for each in found] == [stream]
    assert stage.logs("DescribeLogGroups", logGroupNamePrefix="/other")["logGroups"] == []


def test_reading_on_gives_what_is_new() -> None:
    """Forward tokens continue where the last page ended, and stay put at the end."""
    stage, stream = logged("one", "two", "three")
    query: Json = {"logGroupName": "/demo/web", "logStreamName": stream, "startFromHead": True}
    first = stage.logs("GetLogEvents", **query, limit=2)
    second = stage.logs("GetLogEvents", **query, nextToken=first["nextForwardToken"])
    third = stage.logs("GetLogEvents", **query, nextToken=second["nextForwardToken"])
    assert (messages(first), messages(second), messages(third)) == (["one", "two"], ["three"], [])
    assert third["nextForwardToken"] == second["nextForwardToken"]
    back = stage.logs("GetLogEvents", **query, nextToken=second["nextBackwardToken"])
    assert messages(back) == ["one", "two"]


def test_without_a_token_the_latest_come_first() -> None:
    """GetLogEvents gives the last lines unless asked to begin at the head; times bound both."""
    stage, stream = logged("one", "two", "three")
    query: Json = {"logGroupName": "/demo/web", "logStreamName": stream}
    assert messages(stage.logs("GetLogEvents", **query, limit=1)) == ["three"]
    events = stage.logs("GetLogEvents", **query)["events"]
    since: int = events[1]["timestamp"]
    assert messages(stage.logs("GetLogEvents", **query, startTime=since)) == ["two", "three"]
    assert messages(stage.logs("GetLogEvents", **query, endTime=since)) == ["one"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", ["ERROR disk full", "info ok", "ERROR net down"]),
        ("ERROR", ["ERROR disk full", "ERROR net down"]),
        ("ERROR net", ["ERROR net down"]),
        ('"disk full"', ["ERROR disk full"]),
        ("ERROR -net", ["ERROR disk full"]),
        ("?disk ?ok", ["ERROR disk full", "info ok"]),
        ("error", []),
    ],
)
def test_filtering_by_words(pattern: str, expected: list[str]) -> None:
    """FilterLogEvents takes words, phrases, exclusions and alternatives."""
    stage, _ = logged("ERROR disk full", "info ok", "ERROR net down")
    assert messages(stage.logs("FilterLogEvents", logGroupName="/demo/web", filterPattern=pattern)) == expected


def test_filtering_has_pages_and_streams() -> None:
    """Pages follow each other; other streams are left out."""
    stage, stream = logged("one", "two", "three")
    first = stage.logs("FilterLogEvents", logGroupName="/demo/web", limit=2)
    second = stage.logs("FilterLogEvents", logGroupName="/demo/web", nextToken=first["nextToken"])
    assert (messages(first), messages(second)) == (["one", "two"], ["three"])
    assert "nextToken" not in second
    assert messages(stage.logs("FilterLogEvents", logGroupName="/demo/web", logStreamNames=["x"])) == []
    assert messages(stage.logs("FilterLogEvents", logGroupName="/demo/web", logStreamNamePrefix=stream[:6])) != []


def test_filtering_goes_by_time_and_either_way() -> None:
    """Both bounds are included; with startFromHead false the latest comes first."""
    stage, _ = logged("one", "two", "three")
    query: Json = {"logGroupName": "/demo/web"}
    times = [each["timestamp"] for each in stage.logs("FilterLogEvents", **query)["events"]]
    found = stage.logs("FilterLogEvents", **query, startTime=times[0], endTime=times[1])
    assert messages(found) == ["one", "two"]
    assert messages(stage.logs("FilterLogEvents", **query, startTime=times[1] + 1)) == ["three"]
    assert messages(stage.logs("FilterLogEvents", **query, startFromHead=False)) == ["three", "two", "one"]


def test_every_event_has_an_id_of_its_own() -> None:
    """Two streams that say the same at the same time are two events, in the order in which they were said."""
    stage, _ = logged("one")
    other = stage.run_task()["taskArn"].rpartition("/")[2]
    stage.run(2)
    stage.clusters.observe(LogLines(task_id=other, container="web", lines=("two", "three")), stage.now_s)
    events = stage.logs("FilterLogEvents", logGroupName="/demo/web")["events"]
    assert [each["message"] for each in events] == ["one", "two", "three"]
    assert len({each["eventId"] for each in events}) == 3


def test_what_is_kept_has_an_end() -> None:
    """However many tasks write however much: the streams written to last are kept, and their newest lines."""
    stage, first = logged("one")
    other = stage.run_task()["taskArn"].rpartition("/")[2]
    stage.run(2)
    for number in range(100):
        lines = (f"{number} {'x' * 4000}",) * 100
        stage.clusters.observe(LogLines(task_id=other, container="web", lines=lines), stage.now_s)
        if number == 50:
            assert len(stage.logs("DescribeLogStreams", logGroupName="/demo/web")["logStreams"]) == 2
    (found,) = stage.logs("DescribeLogStreams", logGroupName="/demo/web")["logStreams"]
    assert found["logStreamName"] != first
    kept = messages(stage.logs("FilterLogEvents", logGroupName="/demo/web"))
    assert kept[-1].startswith("99 ")
    assert 0.9 * KEPT_BYTES < sum(map(len, kept)) < KEPT_BYTES


def test_a_stream_keeps_its_last_lines() -> None:
    """Of more than 10 000 lines the last ones are there."""
    stage, stream = logged()
    task = stream.rpartition("/")[2]
    for number in range(102):
        stage.clusters.observe(LogLines(task_id=task, container="web", lines=(f"{number}",) * 100), stage.now_s)
    kept = messages(stage.logs("FilterLogEvents", logGroupName="/demo/web"))
    assert (len(kept), kept[0], kept[-1]) == (10_000, "2", "101")


def test_a_group_can_be_made_before_the_first_task() -> None:
    """CreateLogGroup makes an empty group, once."""
    stage, _ = logged("one")
    stage.logs("CreateLogGroup", logGroupName="/other")
    groups = stage.logs("DescribeLogGroups")["logGroups"]
    assert [each["logGroupName"] for each in groups] == ["/demo/web", "/other"]
    assert groups[1]["creationTime"] == int(stage.now_s * 1000)
    with pytest.raises(AwsRefusal, match="ResourceAlreadyExistsException"):
        stage.logs("CreateLogGroup", logGroupName="/other")


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("GetLogEvents", {"logGroupName": "/none", "logStreamName": "x"}, "ResourceNotFoundException"),
        ("GetLogEvents", {"logGroupName": "/demo/web", "logStreamName": "x"}, "ResourceNotFoundException"),
        ("FilterLogEvents", {"logGroupName": "/none"}, "ResourceNotFoundException"),
        (
            "FilterLogEvents",
            {"logGroupName": "/demo/web", "logStreamNames": ["x"], "logStreamNamePrefix": "x"},
            "InvalidParameterException",
        ),
        ("FilterLogEvents", {"logGroupName": "/demo/web", "filterPattern": "{ $.a = 1 }"}, "NotSimulated"),
        ("PutLogEvents", {"logGroupName": "g", "logStreamName": "s", "logEvents": []}, "NotSimulated"),
    ],
)
def test_what_logs_refuse(operation: str, params: Json, code: str) -> None:
    """Unknown groups and streams, and what the lab does not do, are refused."""
    stage, _ = logged("one")
    with pytest.raises(AwsRefusal) as caught:
        stage.clusters.logs_call(operation, params, stage.now_s)
    assert caught.value.code == code
