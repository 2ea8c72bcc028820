"""Attributes of load balancers, listeners and target groups: the keys AWS knows, their defaults and ranges.

Those in SERVED change what the lab does. All others are kept and answered truthfully but change nothing; the story
says so when one is set.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from teal.lab.world.ground import Answer
from teal.lab.world.wires import AwsRefusal

Check = Callable[[str], str | None]  # returns what a value must be, or None when it is fine

DELAY = "deregistration_delay.timeout_seconds"
DELETION_PROTECTION = "deletion_protection.enabled"
IDLE_TIMEOUT = "idle_timeout.timeout_seconds"
SLOW_START = "slow_start.duration_seconds"
STICKY = "stickiness.enabled"
STICKY_TYPE = "stickiness.type"
COOKIE_S = "stickiness.lb_cookie.duration_seconds"
APP_COOKIE = "stickiness.app_cookie.cookie_name"
APP_COOKIE_S = "stickiness.app_cookie.duration_seconds"
SERVED = frozenset(
    {DELAY, DELETION_PROTECTION, IDLE_TIMEOUT, SLOW_START, STICKY, STICKY_TYPE, COOKIE_S, APP_COOKIE, APP_COOKIE_S}
)

_WEEK_S = 604800


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute: its default and what its values may be."""

    default: str
    check: Check


def _whole(low: int, high: int, *also: str) -> Check:
    """Return the check of a whole number from `low` to `high`, or one of some words."""

    def check(value: str) -> str | None:
        is_number = value.isascii() and value.isdigit() and low <= int(value) <= high
        if is_number or value in also:
            return None
        return " or ".join([f"must be between '{low}' and '{high}' inclusive", *(f"'{word}'" for word in also)])

    return check


def _one_of(*words: str) -> Check:
    """Return the check of a value out of a list."""

    def check(value: str) -> str | None:
        return None if value in words else f"must be one of '{', '.join(words)}'"

    return check


def _text(value: str) -> str | None:
    limit = 1024
    return None if len(value) <= limit else f"must have at most {limit} characters"


def _cookie_name(value: str) -> str | None:
    if value.startswith("AWSALB"):
        return "must not start with 'AWSALB', which is reserved for the load balancer"
    return _text(value)


_FLAG = _one_of("true", "false")
_OFF = Attribute(default="false", check=_FLAG)
_EMPTY = Attribute(default="", check=_text)
_TO_DNS = "target_group_health.dns_failover.minimum_healthy_targets"
_TO_ALL = "target_group_health.unhealthy_state_routing.minimum_healthy_targets"

OF_GROUP: Mapping[str, Attribute] = {
    DELAY: Attribute(default="300", check=_whole(0, 3600)),
    STICKY: _OFF,
    STICKY_TYPE: Attribute(default="lb_cookie", check=_one_of("lb_cookie", "app_cookie")),
    COOKIE_S: Attribute(default="86400", check=_whole(1, _WEEK_S)),
    APP_COOKIE: Attribute(default="", check=_cookie_name),
    APP_COOKIE_S: Attribute(default="86400", check=_whole(1, _WEEK_S)),
    SLOW_START: Attribute(default="0", check=_whole(30, 900, "0")),
    "load_balancing.algorithm.type": Attribute(
        default="round_robin", check=_one_of("round_robin", "least_outstanding_requests", "weighted_random")
    ),
    "load_balancing.algorithm.anomaly_mitigation": Attribute(default="off", check=_one_of("on", "off")),
    "load_balancing.cross_zone.enabled": Attribute(
        default="use_load_balancer_configuration", check=_one_of("true", "false", "use_load_balancer_configuration")
    ),
    f"{_TO_DNS}.count": Attribute(default="1", check=_whole(1, 1000, "off")),
    f"{_TO_DNS}.percentage": Attribute(default="off", check=_whole(1, 100, "off")),
    f"{_TO_ALL}.count": Attribute(default="1", check=_whole(1, 1000)),
    f"{_TO_ALL}.percentage": Attribute(default="off", check=_whole(1, 100, "off")),
}

OF_BALANCER: Mapping[str, Attribute] = {
    DELETION_PROTECTION: _OFF,
    "load_balancing.cross_zone.enabled": Attribute(default="true", check=_one_of("true")),
    "access_logs.s3.enabled": _OFF,
    "access_logs.s3.bucket": _EMPTY,
    "access_logs.s3.prefix": _EMPTY,
    "ipv6.deny_all_igw_traffic": _OFF,
    "zonal_shift.config.enabled": _OFF,
    IDLE_TIMEOUT: Attribute(default="60", check=_whole(1, 4000)),
    "client_keep_alive.seconds": Attribute(default="3600", check=_whole(60, _WEEK_S)),
    "connection_logs.s3.enabled": _OFF,
    "connection_logs.s3.bucket": _EMPTY,
    "connection_logs.s3.prefix": _EMPTY,
    "health_check_logs.s3.enabled": _OFF,
    "health_check_logs.s3.bucket": _EMPTY,
    "health_check_logs.s3.prefix": _EMPTY,
    "routing.http.desync_mitigation_mode": Attribute(
        default="defensive", check=_one_of("monitor", "defensive", "strictest")
    ),
    "routing.http.drop_invalid_header_fields.enabled": _OFF,
    "routing.http.preserve_host_header.enabled": _OFF,
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": _OFF,
    "routing.http.xff_client_port.enabled": _OFF,
    "routing.http.xff_header_processing.mode": Attribute(
        default="append", check=_one_of("append", "preserve", "remove")
    ),
    "routing.http2.enabled": Attribute(default="true", check=_FLAG),
    "waf.fail_open.enabled": _OFF,
}

_RESPONSE_HEADERS = (
    "strict_transport_security",
    "access_control_allow_origin",
    "access_control_allow_methods",
    "access_control_allow_headers",
    "access_control_allow_credentials",
    "access_control_expose_headers",
    "access_control_max_age",
    "content_security_policy",
    "x_content_type_options",
    "x_frame_options",
)
_REQUEST_HEADERS = (
    "x_amzn_mtls_clientcert_serial_number",
    "x_amzn_mtls_clientcert_issuer",
    "x_amzn_mtls_clientcert_subject",
    "x_amzn_mtls_clientcert_validity",
    "x_amzn_mtls_clientcert_leaf",
    "x_amzn_mtls_clientcert",
    "x_amzn_tls_version",
    "x_amzn_tls_cipher_suite",
)


def of_listener(protocol: str) -> dict[str, str]:
    """Return the attributes of a listener; the lab has only their defaults."""
    attributes = {"routing.http.response.server.enabled": "true"}
    attributes |= {f"routing.http.response.{name}.header_value": "" for name in _RESPONSE_HEADERS}
    if protocol == "HTTPS":
        attributes |= {f"routing.http.request.{name}.header_name": "" for name in _REQUEST_HEADERS}
    return attributes


def defaults(known: Mapping[str, Attribute]) -> dict[str, str]:
    """Return the attributes of a new resource."""
    return {key: attribute.default for key, attribute in known.items()}


def checked(known: Mapping[str, Attribute], sent: Sequence[Mapping[str, str]], what: str) -> dict[str, str]:
    """Return the attributes of a request.

    Args:
        known: the attributes this kind of resource has.
        sent: `Key`, `Value` pairs.
        what: the kind of resource, e.g. `Target group`.

    Raises:
        AwsRefusal: a key is unknown or comes twice, or a value is out of range.
    """
    wanted: dict[str, str] = {}
    for pair in sent:
        key, value = pair.get("Key", ""), pair.get("Value", "")
        if key not in known:
            raise AwsRefusal("ValidationError", f"{what} attribute key '{key}' is not recognized")
        if key in wanted:
            raise AwsRefusal("ValidationError", f"{what} attribute key '{key}' was specified more than once")
        complaint = known[key].check(value)
        if complaint is not None:
            raise AwsRefusal("ValidationError", f"'{key}' {complaint}, not '{value}'")
        wanted[key] = value
    return wanted


def answer(attributes: Mapping[str, str]) -> Answer:
    """Return attributes in AWS's shape."""
    return {"Attributes": [{"Key": key, "Value": value} for key, value in attributes.items()]}


def change_text(changed: Mapping[str, str]) -> str:
    """Say in the story what changed, and which of it the lab does not act upon."""
    return ", ".join(
        f"{key}={value}" + ("" if key in SERVED else " (kept, without effect in the lab)")
        for key, value in changed.items()
    )
