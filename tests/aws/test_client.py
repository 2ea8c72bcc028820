"""The door to botocore, over real HTTP to a stand-in on loopback."""

import socket
from typing import Any

import botocore.exceptions as sdk
import pytest

from aws.canned import GROUP_A, RULE
from aws.conftest import StandIn
from teal import __version__
from teal.aws.account import AwsAccount
from teal.aws.client import BotocoreCaller
from teal.aws.compute import EcsCompute
from teal.aws.router import Elbv2Router
from teal.errors import (
    CredentialError,
    NotFoundError,
    RefusedError,
    TealError,
    TransientError,
    UnknownAnswerError,
    UsageError,
)
from teal.model.identity import LabFacts

JSON, XML = "application/x-amz-json-1.1", "text/xml"
THROTTLED = (400, JSON, '{"__type":"ThrottlingException","message":"Rate exceeded"}')
BROKEN = (503, "text/html", "<html>busy</html>")
IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>arn:aws:iam::123456789012:user/x</Arn><Account>123456789012</Account></GetCallerIdentityResult>"
    "</GetCallerIdentityResponse>"
)
DEFINITION = '{"taskDefinition":{"family":"web"}}'
REGISTER: dict[str, Any] = {"family": "web", "containerDefinitions": []}


def _elb_error(code: str) -> str:
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no\u202e way</Message></Error>"
        "<RequestId>id-7</RequestId></ErrorResponse>"
    )


def _caller(stand_in: StandIn, **parts: Any) -> BotocoreCaller:  # noqa: ANN401 - arguments of the caller
    return BotocoreCaller(region="eu-west-1", endpoint_url=stand_in.url, **parts)


def test_answer_with_its_headers(stand_in: StandIn) -> None:
    """An answer comes as botocore shapes it; the lab's headers are in it; teal signs as itself."""
    stand_in.answers = [(200, XML, IDENTITY)]
    stand_in.headers = {"x-teal-lab-time-scale": "0.01", "x-teal-lab-low-port-offset": "8000"}
    found = AwsAccount(_caller(stand_in)).caller()
    assert (found.account, found.region) == ("123456789012", "eu-west-1")
    assert found.lab == LabFacts(time_scale=0.01, low_port_offset=8000)
    assert f"teal/{__version__}" in stand_in.seen[0][0]


ERRORS: dict[str, tuple[str, str, tuple[int, str, str], type[TealError]]] = {
    "not there": ("elbv2", "DeleteRule", (400, XML, _elb_error("RuleNotFound")), NotFoundError),
    "refused": ("elbv2", "DeleteRule", (400, XML, _elb_error("OperationNotPermitted")), RefusedError),
    "not permitted": ("elbv2", "DeleteRule", (403, XML, _elb_error("AccessDenied")), CredentialError),
    "expired": ("elbv2", "DeleteRule", (403, XML, _elb_error("ExpiredToken")), CredentialError),
    "a code of tomorrow": ("elbv2", "DeleteRule", (400, XML, _elb_error("Tomorrow")), RefusedError),
    "no XML at all": ("elbv2", "DeleteRule", (200, XML, "what?"), UnknownAnswerError),
    "HTML from a proxy": ("elbv2", "DeleteRule", (502, "text/html", "<html>bad gateway"), TransientError),
}


@pytest.mark.parametrize(("service", "operation", "answer", "kind"), ERRORS.values(), ids=ERRORS)
def test_errors(stand_in: StandIn, service: str, operation: str, answer: Any, kind: type[TealError]) -> None:  # noqa: ANN401 - a canned answer
    """Every refusal is an error of teal, with the one of botocore as its cause and clean text."""
    stand_in.answers = [answer]
    with pytest.raises(kind, match=f"{service}:{operation}") as caught:
        _caller(stand_in).call(service, operation, {"RuleArn": RULE})
    assert isinstance(caught.value.__cause__, Exception)
    assert "\u202e" not in caught.value.message


def _target(inner: str) -> str:
    tags = ["R", "DescribeTargetHealthResult", "TargetHealthDescriptions", "member", "Target"]
    return f"<{'><'.join(tags)}>{inner}</{'></'.join(reversed(tags))}>"


GARBLED: dict[str, tuple[int, str, str]] = {
    "no result": (200, XML, "<DescribeTargetHealthResponse></DescribeTargetHealthResponse>"),
    "an empty result": (200, XML, "<R><DescribeTargetHealthResult></DescribeTargetHealthResult></R>"),
    "a page of somebody else": (200, "text/html", "<html><body>please sign in</body></html>"),
    "half": (200, XML, "<DescribeTargetHealthResponse><DescribeTargetHealthRe"),
    "words for a number": (200, XML, _target("<Id>i</Id><Port>x</Port>")),
}


@pytest.mark.parametrize("answer", GARBLED.values(), ids=GARBLED)
def test_garbled_xml_is_unknown(stand_in: StandIn, answer: tuple[int, str, str]) -> None:
    """Whatever comes with status 200 and is not the promised answer is unknown, never "no targets"."""
    stand_in.answers = [answer]
    with pytest.raises(UnknownAnswerError):
        Elbv2Router(_caller(stand_in)).health(GROUP_A)


@pytest.mark.parametrize("body", ["", "{}", "<html>", '{"services":', "[]", "null", '{"services": "x"}'])
def test_garbled_json_is_unknown(stand_in: StandIn, body: str) -> None:
    """Of a garbled body with status 200 botocore makes an empty result; its reader does not believe it."""
    stand_in.answers = [(200, JSON, body)]
    with pytest.raises(UnknownAnswerError):
        EcsCompute(_caller(stand_in)).services("prod", ["web"])


def test_hiccups_are_retried_and_counted(stand_in: StandIn) -> None:
    """A call is tried three times; each request is counted and paced, the last answer wins."""
    stand_in.answers = [THROTTLED, BROKEN, (200, JSON, DEFINITION)]
    told: list[tuple[str, str]] = []
    caller = _caller(stand_in, on_call=lambda service, operation: told.append((service, operation)))
    caller.call("ecs", "DescribeTaskDefinition", {"taskDefinition": "web"})
    assert told == [("ecs", "DescribeTaskDefinition")] * 3
    assert caller.calls == {"ecs:DescribeTaskDefinition": 3}


def test_what_must_not_be_repeated_is_not(stand_in: StandIn) -> None:
    """RegisterTaskDefinition is sent once, although the answer is one that botocore would try again."""
    stand_in.answers = [BROKEN]
    caller = _caller(stand_in)
    with pytest.raises(TransientError):
        caller.call("ecs", "RegisterTaskDefinition", REGISTER)
    assert caller.calls == {"ecs:RegisterTaskDefinition": 1}
    assert len(stand_in.seen) == 1


def test_nobody_there(stand_in: StandIn) -> None:
    """A refused connection is a hiccup."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        stand_in.url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(TransientError, match="EndpointConnectionError"):
            _caller(stand_in).call("ecs", "RegisterTaskDefinition", REGISTER)


def test_bad_parameters_are_refused(stand_in: StandIn) -> None:
    """Parameters that AWS's model forbids are not sent."""
    with pytest.raises(RefusedError, match="ParamValidationError"):
        _caller(stand_in).call("ecs", "DescribeTaskDefinition", {"nonsense": 1})
    assert stand_in.seen == []


def test_no_credentials(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials nothing is sent, and the error says what to do."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CredentialError) as caught:
        _caller(stand_in).call("sts", "GetCallerIdentity", {})
    assert isinstance(caught.value.__cause__, sdk.NoCredentialsError)
    assert "--profile" in caught.value.hint


def test_no_region(stand_in: StandIn) -> None:
    """Without a region the error says where to name one."""
    with pytest.raises(UsageError, match="no AWS region"):
        _ = BotocoreCaller(endpoint_url=stand_in.url).region


def test_unknown_profile(stand_in: StandIn) -> None:
    """A profile that is not configured is a mistake of the user's."""
    with pytest.raises(UsageError, match="nobody"):
        BotocoreCaller(profile="nobody", region="eu-west-1", endpoint_url=stand_in.url).call(
            "sts", "GetCallerIdentity", {}
        )


def test_endpoint_that_is_none(stand_in: StandIn) -> None:
    """An endpoint that is no URL is a mistake of the user's."""
    stand_in.url = "not a url"
    with pytest.raises(UsageError, match="not a url"):
        _caller(stand_in).call("sts", "GetCallerIdentity", {})


def test_region_from_the_environment(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Region and endpoint are found as AWS's own tools find them."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", stand_in.url)
    caller = BotocoreCaller()
    assert (caller.region, caller.endpoint("elbv2")) == ("eu-central-1", stand_in.url)
