"""Writes under a lease: looked at after the signature, right before each attempt is sent."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from aws.conftest import StandIn
from teal.aws.client import BotocoreCaller
from teal.aws.leased import LeasedDoor, guard
from teal.errors import BusyError
from teal.host.clock import SystemClock

JSON = "application/x-amz-json-1.1"
BUSY = (503, "text/html", "<html>busy</html>")
WRITE = ("ecs", "UpdateService", {"cluster": "prod", "service": "web"})
READ = ("ecs", "DescribeTaskDefinition", {"taskDefinition": "web"})


@dataclass
class Lease:
    """A lease that is good for so many looks; remembers what was asked of it, in order."""

    good_for: int = 1000
    told: list[str] = field(default_factory=list[str])

    @contextmanager
    def writing(self) -> Generator[None]:
        """Remember when a write begins and ends."""
        self.told.append("renew")
        try:
            yield
        finally:
            self.told.append("over")

    def may_send(self) -> None:
        """Refuse once it is no longer good."""
        self.told.append("look")
        self.good_for -= 1
        if self.good_for < 0:
            raise BusyError("the lock was lost to bob")


def _door(stand_in: StandIn, lease: Lease) -> tuple[LeasedDoor, BotocoreCaller]:
    before = guard(lambda _service, operation: lease.told.append(f"pace {operation}"), lease)
    caller = BotocoreCaller(region="eu-west-1", endpoint_url=stand_in.url, on_call=before)
    return LeasedDoor(caller, lease), caller


def test_the_order(stand_in: StandIn) -> None:
    """Renewed first; after waiting for its turn, and right before each attempt leaves, the lease is looked at."""
    stand_in.answers = [BUSY, (200, JSON, "{}")]
    lease = Lease()
    door, _ = _door(stand_in, lease)
    door.call(*WRITE)
    once = ["pace UpdateService", "look"]
    assert lease.told == ["renew", *once, *once, "over"]
    assert door.region == "eu-west-1"
    assert door.endpoint("ecs") == stand_in.url


@pytest.mark.parametrize(("good_for", "sent"), [(0, 0), (1, 1), (2, 2)])
def test_a_lost_lease_sends_nothing_and_is_not_tried_again(stand_in: StandIn, good_for: int, sent: int) -> None:
    """What the look raises is raised as it is; nothing is sent after it, neither this attempt nor another."""
    stand_in.answers = [BUSY]
    lease = Lease(good_for=good_for)
    door, caller = _door(stand_in, lease)
    with pytest.raises(BusyError, match="lost to bob"):
        door.call(*WRITE)
    assert len(stand_in.seen) == sent
    assert sum(caller.calls.values()) == sent
    assert lease.told.count("look") == sent + 1
    assert lease.told[-1] == "over"


def test_the_signature_comes_before_the_look(stand_in: StandIn) -> None:
    """A pause at the look makes the signature older: what is sent after it was signed before it."""
    stand_in.answers = [(200, JSON, "{}")]
    looked: list[str] = []

    def pause(_service: str, _operation: str) -> None:
        SystemClock().sleep(1.1)  # signatures tell whole seconds
        looked.append(f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}")  # noqa: TID251 - the signature tells the real time

    BotocoreCaller(region="eu-west-1", endpoint_url=stand_in.url, on_call=pause).call(*WRITE)
    assert "" < stand_in.signed[0] < looked[0]


def test_reads_need_no_lease(stand_in: StandIn) -> None:
    """A read neither renews nor asks."""
    stand_in.answers = [(200, JSON, '{"taskDefinition": {}}')]
    lease = Lease(good_for=0)
    _door(stand_in, lease)[0].call(*READ)
    assert lease.told == ["pace DescribeTaskDefinition"]
