"""What a new task definition changes, and what of it nobody may see."""

from typing import Any

import pytest

from teal.report.task_diff import MASK, Change, changes


def web(**container: Any) -> dict[str, Any]:  # noqa: ANN401 - AWS's own JSON
    """Return a body with one container."""
    return {"family": "web", "containerDefinitions": [{"name": "web", **container}]}


def env(**values: str) -> dict[str, Any]:
    """Return a body with environment variables."""
    return web(environment=[{"name": name, "value": value} for name, value in values.items()])


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (web(image="shop:1"), web(image="shop:2"), Change(path="web image", before="shop:1", after="shop:2")),
        (env(LOG="info"), env(LOG="debug"), Change(path="web environment LOG", before="info", after="debug")),
        (env(), env(NEW="1"), Change(path="web environment NEW", before=None, after="1")),
        (env(OLD="1"), env(), Change(path="web environment OLD", before="1", after=None)),
        ({"memory": "1024"}, {"memory": "2048"}, Change(path="memory", before="1024", after="2048")),
        (web(essential=False), web(), Change(path="web essential", before="false", after=None)),
        (web(command=["a"]), web(command=["a", "b"]), Change(path="web command", before='["a"]', after='["a", "b"]')),
        (
            web(portMappings=[{"containerPort": 80}]),
            web(portMappings=[{"containerPort": 81}]),
            Change(path="web portMappings 0 containerPort", before="80", after="81"),
        ),
        (env(A="x"), env(A="x\x1b[2J"), Change(path="web environment A", before="x", after='"x\\u001b[2J"')),
    ],
)
def test_a_change_is_told_by_name(before: dict[str, Any], after: dict[str, Any], change: Change) -> None:
    """Containers and variables are named, not numbered; control characters are spelled out."""
    assert changes(before, after) == (change,)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (env(A="1", B="2"), env(B="2", A="1")),
        (web(cpu=0, essential=True, mountPoints=[]), web()),
        (
            web(portMappings=[{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}]),
            web(portMappings=[{"containerPort": 80}]),
        ),
        ({"taskDefinitionArn": "x", "revision": 4, "status": "ACTIVE"}, {}),
    ],
)
def test_what_aws_fills_in_is_no_change(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Order, AWS's defaults and answer-only fields do not count."""
    assert changes(before, after) == ()


@pytest.mark.parametrize(
    "name",
    ["DB_PASSWORD", "API_TOKEN", "apiKey", "CLIENT_SECRET", "AWS_ACCESS_KEY_ID", "SIGNING_KEY", "SENTRY_DSN", "PGPASS",
     "SLACK_WEBHOOK_URL", "AUTH", "SESSION_COOKIE", "PRIVATE_PEM", "SALT", "DB_PWD", "SMTP_PASSWD", "USER_PIN"],
)  # fmt: skip
def test_a_secret_name_hides_its_value(name: str) -> None:
    """A variable whose name looks secret is told to have changed, and no more."""
    assert changes(env(**{name: "one"}), env(**{name: "two"})) == (
        Change(path=f"web environment {name}", before=MASK, after=MASK),
    )


@pytest.mark.parametrize(
    "value",
    ["postgres://shop:hunter2@db/shop", "-----BEGIN RSA PRIVATE KEY-----", "AKIAIOSFODNN7EXAMPLE", "ghp_0123456789",
     "eyJhbGciOiJIUzI1NiJ9.e30.x", "--db-password=hunter2", "Bearer abcdefgh12345", "token: abc", "redis://:pw@cache"],
)  # fmt: skip
def test_a_secret_value_hides_both_sides(value: str) -> None:
    """A value that looks secret is hidden under any name, and what it replaces or is replaced by as well."""
    assert changes(env(X="plain"), env(X=value)) == (Change(path="web environment X", before=MASK, after=MASK),)
    assert changes(env(X=value), env(X="plain")) == (Change(path="web environment X", before=MASK, after=MASK),)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_LEVEL", "debug"),
        ("MONKEY", "2"),
        ("URL", "https://shop.example/a@b"),
        ("GIT_SHA", "9c1f" * 10),
        ("PORT", "80"),
    ],
)
def test_a_plain_value_is_shown(name: str, value: str) -> None:
    """What looks like nothing secret is shown: a diff that hides everything is read by nobody."""
    assert changes(env(), env(**{name: value})) == (Change(path=f"web environment {name}", before=None, after=value),)


def test_references_to_secrets_are_never_shown() -> None:
    """`secrets` and `secretOptions` show names only."""
    before = web(
        secrets=[{"name": "DB", "valueFrom": "arn:aws:ssm:one"}],
        logConfiguration={"logDriver": "splunk", "secretOptions": [{"name": "hec", "valueFrom": "arn:one"}]},
    )
    after = web(
        secrets=[{"name": "DB", "valueFrom": "arn:aws:ssm:two"}],
        logConfiguration={"logDriver": "splunk", "secretOptions": [{"name": "hec", "valueFrom": "arn:two"}]},
    )
    assert changes(before, after) == (
        Change(path="web logConfiguration secretOptions hec", before=MASK, after=MASK),
        Change(path="web secrets DB", before=MASK, after=MASK),
    )
