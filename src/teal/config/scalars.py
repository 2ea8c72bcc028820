"""The scalars of `teal.yaml`: how each is written, and how a message names it.

A `title` completes the sentence "expected …"; the first of `examples` stands in messages.
"""

from typing import Annotated

from msgspec import Meta

from teal.config.durations import DURATION, STEP

_END = r"$(?!\n)"  # Python takes $ before a last line feed too
_NAME_32 = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
_ARN = r"arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}"
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]"  # noqa: S105 - a character of an HTTP token, as RFC 9110 has it


def written(pattern: str, title: str, *examples: str, **extra: float) -> Meta:
    """Return that a text is written like `pattern`, named by `title`; `extra` bounds a duration, in seconds."""
    return Meta(pattern=f"^(?:{pattern}){_END}", title=title, examples=list(examples), extra=dict(extra))


def meaning(description: str) -> Meta:
    """Return what the manual says."""
    return Meta(description=description)


def between(low: int, high: int, title: str, example: int) -> Meta:
    """Return the bounds of a number, named by `title`."""
    return Meta(ge=low, le=high, title=title, examples=[example])


Text = Annotated[str, Meta(min_length=1, title="a text")]
File = Annotated[str, written(r"[^\x00-\x1f]+", "the name of a JSON file, beside this file", "taskdef.json")]
Port = Annotated[int, between(1, 65535, "a port number 1–65535", 443)]
Priority = Annotated[int, between(1, 50000, "a rule priority 1–50000", 20)]
Duration = Annotated[str, written(DURATION, "a duration", "90s", "2m", "1h30m")]
Yes = Annotated[bool, Meta(title="true or false", examples=[True])]
GroupName = Annotated[
    str, written(_NAME_32, "a target group name: up to 32 letters, digits and inner hyphens", "shop-web-a")
]
ServiceName = Annotated[
    str, written(r"[A-Za-z0-9_-]{1,255}", "a service name: up to 255 letters, digits, _ and -", "shop-web-a")
]
ContainerName = Annotated[
    str, written(r"[A-Za-z0-9_-]{1,255}", "a container name: up to 255 letters, digits, _ and -", "web")
]
HeaderName = Annotated[str, written(_TOKEN + "{1,40}", "a header name of at most 40 characters", "X-Revision")]
HeaderValue = Annotated[str, written(r"[^\x00-\x1f\x7f]*", "the value of a header, on one line", "gate")]
UrlPath = Annotated[str, written(r"/[^\x00-\x20\x7f#]*", "a path that begins with /", "/health")]
RuleArn = Annotated[
    str,
    written(
        _ARN + r":listener-rule/app/[^\x00-\x20]+",
        "the ARN of a listener rule",
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/shop/50dc6c495c0c9188/"
        "f2f7dc8efc522ab2/9683b2d02a6cabee",
    ),
]
Pattern = Annotated[
    str, written(r"[^\x00-\x1f\x7f]{1,128}", "a pattern of at most 128 characters, * and ? as wildcards", "/shop/*")
]
Patterns = Annotated[
    list[Pattern],
    Meta(min_length=1, max_length=3, title="a list of 1 to 3 patterns", examples=[["shop.example.com", "/shop/*"]]),
]


LoadBalancer = Annotated[
    str,
    written(
        rf"{_NAME_32}|{_ARN}:loadbalancer/app/[^\x00-\x20]+", "the name or ARN of an application load balancer", "shop"
    ),
]
GroupKey = Annotated[str, written(r"[A-Za-z0-9_-]{1,255}:[0-9]{1,5}", "container:port", "web:8080")]
CookieName = Annotated[str, written(_TOKEN + "{1,40}", "a cookie name of at most 40 characters", "teal-taste")]
Method = Annotated[str, written(r"[A-Z_-]{1,40}", "a method in capital letters", "GET")]
Cidr = Annotated[str, written(r"[0-9A-Fa-f:.]+/[0-9]{1,3}", "addresses in CIDR notation", "192.0.2.0/24")]
Codes = Annotated[int, Meta(ge=200, le=599)] | Annotated[str, Meta(pattern=rf"^[0-9]{{3}}([,-][0-9]{{3}})*{_END}")]
ShiftStepText = Annotated[str, written(STEP, "a step", "5% for 2m", "100%")]
VariableName = Annotated[
    str, written(r"[A-Za-z_][A-Za-z0-9_.-]*", "the name of an environment variable", "APP_VERSION")
]
AppName = Annotated[
    str,
    written(
        r"[A-Za-z](?:[A-Za-z0-9-]{0,18}[A-Za-z0-9])?",
        "a name of up to 20 letters, digits and inner hyphens that begins with a letter",
        "shop-web",
    ),
]
Region = Annotated[str, written(r"[a-z]{2,8}(?:-[a-z]{1,16}){1,3}-[0-9]{1,2}", "an AWS region", "eu-west-1")]
Account = Annotated[str, written(r"[0-9]{12}", "an account number: 12 digits in quotes", '"123456789012"')]
Cluster = Annotated[
    str,
    written(
        r"[A-Za-z0-9_-]{1,255}|arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:cluster/[A-Za-z0-9_-]{1,255}",
        "the name or ARN of an ECS cluster",
        "prod",
    ),
]
LockStore = Annotated[
    str,
    written(
        r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9!_.*'()/-]{0,200})?|dynamodb://[A-Za-z0-9_.-]{3,255}"
        r"|file:[^\x00-\x1f]+",
        "s3://bucket/prefix, dynamodb://table or file:directory",
        "s3://team-state/teal",
    ),
]
Profile = Annotated[str, written(r"[^\x00-\x1f\x7f]+", "the name of an AWS profile", "shared-state")]
TagKey = Annotated[str, Meta(min_length=1, max_length=128, title="a tag key of 1 to 128 characters")]
TagValue = Annotated[str, Meta(max_length=256, title="a tag value of at most 256 characters", examples=["shop"])]
