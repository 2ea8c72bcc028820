"""An answer that is lost, garbled or late, as botocore meets it; and what the story says of calls."""

from collections.abc import Iterator
from contextlib import closing, suppress
from threading import Lock
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError
from botocore.session import Session

from teal.lab.faults import GameDay, as_fault
from teal.lab.front import Catalogue, Door, Front
from teal.lab.front.calls import caller_of
from teal.lab.world.ground import Ground
from teal.lab.world.world import World

AGENTS = [
    ("Boto3/1.40.1 md/Botocore#1.40.1 ua/2.1 os/linux", "Boto3/1.40.1"),
    ("Botocore/1.40 ua/2.1 teal/0.1 exec-env/x", "Botocore/1.40 teal/0.1"),
    ("", "an unnamed client"),
    ("evil\x1b[31m\n::error::x", "evil[31m"),
    ("x" * 500, "x" * 120),
]


@pytest.fixture
def lab() -> Iterator[tuple[World, GameDay, Any]]:
    """Open a door to an empty region; yield the region, its game day and a client of ECS that tries once."""
    world = World(Ground(), 0.0)
    day, ticks = GameDay(world=world, seed=1), iter(range(1, 1_000_000))
    front = Front(
        world=world,
        lock=Lock(),
        clock=lambda: float(next(ticks)),
        wake=lambda: None,
        catalogue=Catalogue(),
        mischief=day,
    )
    door = Door(port=0, answer=front.reply, headers={})
    door.open()
    session = Session()
    session.set_credentials("lab", "lab")
    config = Config(retries={"total_max_attempts": 1}, read_timeout=5)
    url = f"http://127.0.0.1:{door.port}"
    with closing(session.create_client("ecs", "eu-west-1", endpoint_url=url, config=config)) as client:
        yield world, day, client
    door.close()


def clusters(world: World) -> list[str]:
    """Return what there really is."""
    return list(world.call("ecs", "ListClusters", {}, 0.0)["clusterArns"])


def test_a_lost_answer(lab: tuple[World, GameDay, Any]) -> None:
    """The client sees a connection that was closed, and the call was made all the same."""
    world, day, client = lab
    day.place(as_fault({"kind": "lose-answers", "operation": "CreateCluster"}), 0.0)
    with pytest.raises(ConnectionClosedError):
        client.create_cluster(clusterName="demo")
    assert len(clusters(world)) == 1
    assert len(client.list_clusters()["clusterArns"]) == 1
    assert [each.hits for each in day.faults()] == [1]


def test_a_garbled_answer(lab: tuple[World, GameDay, Any]) -> None:
    """Status 200 and no answer in it; the call was made."""
    world, day, client = lab
    day.place(as_fault({"kind": "garble-answers"}), 0.0)
    with suppress(BotoCoreError):  # a version of botocore that minds
        assert "cluster" not in client.create_cluster(clusterName="demo")
    assert len(clusters(world)) == 1


def test_an_error_of_the_service(lab: tuple[World, GameDay, Any]) -> None:
    """A 503 was not applied."""
    world, day, client = lab
    day.place(as_fault({"kind": "error-answers"}), 0.0)
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        client.create_cluster(clusterName="demo")
    assert clusters(world) == []


def test_throttling(lab: tuple[World, GameDay, Any]) -> None:
    """When the bucket is empty the client reads AWS's own words, with the status that AWS gives them."""
    _, day, client = lab
    day.place(as_fault({"kind": "throttle-api", "rate_percent": 1.0}), 0.0)
    client.list_clusters()
    with pytest.raises(ClientError) as caught:  # a second later: a fifth of a token
        client.list_clusters()
    response: dict[str, Any] = dict(caught.value.response)
    assert (response["Error"]["Code"], response["Error"]["Message"]) == ("ThrottlingException", "Rate exceeded")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_late_answer_comes(lab: tuple[World, GameDay, Any]) -> None:
    """A delay is served outside of the lab's lock, and the answer is whole."""
    _, day, client = lab
    day.place(as_fault({"kind": "delay-answers", "by_s": 0.05}), 0.0)
    assert client.create_cluster(clusterName="demo")["cluster"]["clusterName"] == "demo"


def test_writes_are_in_the_story(lab: tuple[World, GameDay, Any]) -> None:
    """Who changed what, and what was refused; reads are not told."""
    world, _, client = lab
    client.create_cluster(clusterName="demo")
    client.list_clusters()
    with pytest.raises(ClientError):
        client.delete_service(cluster="demo", service="none")
    told = [(each.subject, each.message) for each in world.events if each.source == "api"][1:]
    assert [subject for subject, _ in told] == ["ecs CreateCluster", "ecs DeleteService"]
    assert told[0][1].startswith("by Botocore/")
    assert told[1][1].startswith("refused, ServiceNotFoundException, by Botocore/")


@pytest.mark.parametrize(("agent", "caller"), AGENTS)
def test_a_caller_has_a_short_name(agent: str, caller: str) -> None:
    """The first word of the user agent, and teal's own; nothing that moves a cursor."""
    assert caller_of(agent) == caller
