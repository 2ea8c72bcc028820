"""The wire in memory: what each fault makes of a call, to the caller and in the region."""

from collections.abc import Iterator

import pytest
from benchmarks.calls import Call, Deed, Point, Spoiling

from region import Region
from spoilt.line import PATIENCE, SIGNED_AS, Line
from teal.aws.call import ask
from teal.errors import CredentialError, TealError, TransientError, UnknownAnswerError

CREATE = ("ecs", "CreateCluster", {"clusterName": "new"})
HICCUP, UNREADABLE, FORBIDDEN = TransientError, UnknownAnswerError, CredentialError
ENDS: dict[Deed, tuple[type[TealError], bool, int]] = {  # how it ends, whether it was applied, after how many attempts
    Deed.THROTTLE: (HICCUP, False, 3),
    Deed.ERROR_500: (HICCUP, False, 3),
    Deed.ERROR_503: (HICCUP, False, 3),
    Deed.REFUSE: (HICCUP, False, 3),
    Deed.LOSE: (HICCUP, True, 3),
    Deed.HANG: (HICCUP, True, 3),
    Deed.TRUNCATE: (UNREADABLE, True, 1),
    Deed.GARBLE: (UNREADABLE, True, 1),
    Deed.EXPIRED: (FORBIDDEN, False, 1),
    Deed.DENIED: (FORBIDDEN, False, 1),
}


@pytest.fixture(name="wire", scope="module")
def one_wire() -> Iterator[Line]:
    """Give a wire whose clients are made once; botocore finds credentials in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SIGNED_AS.items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        yield Line(Region())


def spoilt(wire: Line, deed: Deed, times: int, operation: str = "CreateCluster") -> Spoiling:
    """Let the first call of an operation be spoiled on the way to another region."""
    spoiling = Spoiling(point=Point(writes=0, operation=operation, number=1), deed=deed, times=times)
    wire.begin(Region(), spoiling, lambda: None, lambda: False)
    return spoiling


def clusters(region: Region) -> list[str]:
    """Return the clusters of a region."""
    arns: list[str] = region.aws("ecs", "ListClusters")["clusterArns"]
    return [arn.rpartition("/")[2] for arn in arns]


@pytest.mark.parametrize("deed", ENDS)
def test_a_fault_at_every_attempt_is_what_its_name_says(wire: Line, deed: Deed) -> None:
    """Each fault ends as the error that teal has for it, is tried as often as botocore tries it, is applied or not."""
    error, applied, attempts = ENDS[deed]
    spoiling = spoilt(wire, deed, 3)
    with pytest.raises(error):
        ask(wire, *CREATE).part("cluster")
    assert (clusters(wire.place) == ["new"], spoiling.spoiled) == (applied, attempts)


@pytest.mark.parametrize("deed", [deed for deed, (_, __, attempts) in ENDS.items() if attempts == 3])
def test_a_fault_of_the_first_attempt_is_got_over_in_virtual_time(wire: Line, deed: Deed) -> None:
    """What botocore tries again is answered at the second attempt; the delay passes in the region."""
    spoiling = spoilt(wire, deed, 1)
    began_s, sent = wire.place.now_s, wire.caller.calls["ecs:CreateCluster"]
    assert wire.call(*CREATE)["cluster"]["clusterName"] == "new"
    assert (spoiling.spoiled, wire.caller.calls["ecs:CreateCluster"] - sent) == (1, 2)
    assert wire.place.now_s > began_s + (PATIENCE.read_s if deed is Deed.HANG else 0.0)


@pytest.mark.parametrize("deed", [Deed.TRUNCATE, Deed.GARBLE, Deed.THROTTLE, Deed.DENIED])
def test_faults_speak_the_protocol_of_the_service(wire: Line, deed: Deed) -> None:
    """ELBv2 speaks XML: a refusal is read as one there too, and garbage is garbage."""
    spoilt(wire, deed, 3, "DescribeTargetGroups")
    with pytest.raises(ENDS[deed][0]):
        wire.call("elbv2", "DescribeTargetGroups", {})


def test_whoever_gathers_waits_no_longer_than_told(wire: Line) -> None:
    """A call that hangs is given up when patience ends, and not tried again."""
    spoiling = spoilt(wire, Deed.HANG, 3)
    began_s = wire.place.now_s
    calls = (lambda: wire.call(*CREATE), lambda: wire.call("ecs", "ListClusters", {}))
    first, second = wire.within(calls, 4.0)
    assert (first, second is None, spoiling.spoiled) == (None, False, 1)
    assert wire.place.now_s - began_s == pytest.approx(4.0)


def test_calls_go_straight_to_the_region_when_nothing_is_spoiled_any_more(wire: Line) -> None:
    """The wire carries calls up to the end of the fault, and none after it."""
    spoiling = spoilt(wire, Deed.THROTTLE, 1)
    wire.over = lambda: spoiling.over
    before = dict(wire.caller.calls)
    wire.call(*CREATE)
    wire.call("ecs", "DescribeClusters", {"clusters": ["new"]})
    sent = {name: count - before.get(name, 0) for name, count in wire.caller.calls.items()}
    assert {name: count for name, count in sent.items() if count} == {"ecs:CreateCluster": 2}
    assert wire.place.calls["ecs:DescribeClusters"] == 1


def test_all_attempts_of_a_call_are_one_point() -> None:
    """An attempt is known by its invocation: it is no second call of its operation."""
    spoiling = Spoiling(point=Point(writes=0, operation="AddTags", number=1), deed=Deed.LOSE, times=2)
    attempts = [Call(operation="AddTags", body=b"x", invocation="i") for _ in range(3)]
    assert [spoiling(call) for call in attempts] == [Deed.LOSE, Deed.LOSE, Deed.PASS]
    assert spoiling(Call(operation="AddTags", body=b"x", invocation="j")) is Deed.PASS
