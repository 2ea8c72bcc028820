"""Who asks, whether it is a lab, and what is scaled."""

from typing import Any

import pytest

from aws.canned import ACCOUNT, Canned
from teal.aws.account import AwsAccount, is_loopback
from teal.errors import UnknownAnswerError
from teal.model.identity import Caller, LabFacts

Json = dict[str, Any]

ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci"
HERE, AWS = "http://127.0.0.1:4566", "https://sts.eu-west-1.amazonaws.com"
LAB = {"x-teal-lab-time-scale": "0.01", "x-teal-lab-low-port-offset": "8000"}

FACTS: dict[str, tuple[str, Json, LabFacts | None]] = {
    "the lab": (HERE, LAB, LabFacts(time_scale=0.01, low_port_offset=8000)),
    "the lab, headers spelled otherwise": (
        HERE,
        {name.title(): value for name, value in LAB.items()},
        LabFacts(time_scale=0.01, low_port_offset=8000),
    ),
    "another simulator here": (HERE, {}, None),
    "AWS": (AWS, {}, None),
    "somebody who plays the lab from afar": (AWS, LAB, None),
    "a name that only looks local": ("http://127.0.0.1.evil.example", LAB, None),
    "nonsense": (HERE, {**LAB, "x-teal-lab-time-scale": "fast"}, None),
    "no time at all": (HERE, {**LAB, "x-teal-lab-time-scale": "0"}, None),
    "endless time": (HERE, {**LAB, "x-teal-lab-time-scale": "inf"}, None),
}


@pytest.mark.parametrize(("url", "headers", "lab"), FACTS.values(), ids=FACTS)
def test_caller(url: str, headers: Json, lab: LabFacts | None) -> None:
    """What a lab says of itself is believed only from this computer."""
    identity = {"Account": ACCOUNT, "Arn": ARN, "ResponseMetadata": {"HTTPHeaders": headers}}
    found = AwsAccount(Canned({"sts:GetCallerIdentity": identity}, url=url)).caller()
    assert found == Caller(account=ACCOUNT, arn=ARN, region="eu-west-1", lab=lab)


def test_unknown_caller() -> None:
    """A garbled identity is unknown, not an empty account."""
    with pytest.raises(UnknownAnswerError, match="Account is missing"):
        AwsAccount(Canned({"sts:GetCallerIdentity": {}})).caller()


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:1", True),
        ("http://127.9.8.7", True),
        ("http://[::1]:80", True),
        ("http://localhost:80", True),
        ("http://localhost.example", False),
        ("http://10.0.0.1", False),
        ("http://0.0.0.0", False),
        ("https://user:127.0.0.1@evil.example", False),
        ("", False),
    ],
)
def test_is_loopback(url: str, here: bool) -> None:  # noqa: FBT001 - the row of a table
    """Only loopback addresses and `localhost` are here."""
    assert is_loopback(url) is here


def test_scalable() -> None:
    """Those services that have a scalable target, over all pages."""
    pages: dict[str | None, Json] = {
        None: {"ScalableTargets": [{"ResourceId": "service/prod/web"}], "NextToken": "t"},
        "t": {"ScalableTargets": [{"ResourceId": "service/prod/other"}]},
    }
    canned = Canned({"application-autoscaling:DescribeScalableTargets": lambda p: pages[p.get("NextToken")]})
    assert AwsAccount(canned).scalable("prod", ["web", "web-b"]) == {"web"}
    assert canned.asked[0][1]["ResourceIds"] == ["service/prod/web", "service/prod/web-b"]


@pytest.mark.parametrize(
    ("told", "skew_s"),
    [("Thu, 01 Jan 1970 00:16:40 GMT", 0.0), ("Thu, 01 Jan 1970 00:17:20 GMT", 40.0), ("soon", 0.0), (None, 0.0)],
)
def test_how_far_the_clocks_are_apart(told: str | None, skew_s: float) -> None:
    """AWS tells the time with each answer; where it does not, nothing is known of the difference."""
    headers = {} if told is None else {"Date": told}
    identity = {"Account": ACCOUNT, "Arn": ARN, "ResponseMetadata": {"HTTPHeaders": headers}}
    account = AwsAccount(Canned({"sts:GetCallerIdentity": identity}), now_s=lambda: 1000.0)
    assert account.caller().skew_s == skew_s
