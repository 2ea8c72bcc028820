"""Health check settings of a target group: defaults, ranges, and their form for the data plane.

A new target needs one passed check to become healthy, whatever the threshold: that is the data plane's affair.
"""

from collections.abc import Mapping
from re import fullmatch

from teal.lab.world import network
from teal.lab.world.elbv2_model import Group, Shape
from teal.lab.world.ground import Ground, Params
from teal.lab.world.wires import AwsRefusal, HealthCheck, not_simulated

# Not scaled: an app starts and answers in its own time, however short the delays of AWS are made.
INTERVAL_LEAST_S = 0.1
TIMEOUT_LEAST_S = 1.0
START_LEAST_S = 5.0

_DEFAULTS: Shape = {
    "HealthCheckProtocol": "HTTP",
    "HealthCheckPort": "traffic-port",
    "HealthCheckEnabled": True,
    "HealthCheckIntervalSeconds": 30,
    "HealthCheckTimeoutSeconds": 5,
    "HealthyThresholdCount": 5,
    "UnhealthyThresholdCount": 2,
    "HealthCheckPath": "/",
    "Matcher": {"HttpCode": "200"},
}
_RANGES: Mapping[str, tuple[int, int]] = {
    "HealthCheckIntervalSeconds": (5, 300),
    "HealthCheckTimeoutSeconds": (2, 120),
    "HealthyThresholdCount": (2, 10),
    "UnhealthyThresholdCount": (2, 10),
}
_CODES = (200, 499)
_TRAFFIC_PORT = "traffic-port"


def settled_check(sent: Params, before: Shape | None = None) -> Shape:
    """Return the health check settings after a request.

    Args:
        sent: the request.
        before: the settings that it changes; AWS's defaults for a new group.

    Raises:
        AwsRefusal: as AWS refuses them.
    """
    check = (_DEFAULTS if before is None else before) | {name: sent[name] for name in _DEFAULTS if name in sent}
    for name, (low, high) in _RANGES.items():
        if not low <= check[name] <= high:
            raise AwsRefusal(
                "ValidationError", f"{name} '{check[name]}' must be between '{low}' and '{high}' inclusive"
            )
    if check["HealthCheckTimeoutSeconds"] >= check["HealthCheckIntervalSeconds"]:
        raise AwsRefusal("ValidationError", "Health check interval must be greater than the timeout.")
    if not check["HealthCheckEnabled"]:
        raise AwsRefusal("InvalidConfigurationRequest", "Health checks cannot be disabled for targets of this type")
    _check_protocol(check["HealthCheckProtocol"])
    _check_port(check["HealthCheckPort"])
    path: str = check["HealthCheckPath"]
    if not path.startswith("/"):
        raise AwsRefusal("ValidationError", f"Health check path '{path}' must begin with '/'")
    _codes(check["Matcher"])
    return check


def for_proxy(group: Group, ground: Ground) -> HealthCheck:
    """Return the health check of a group as the data plane takes it."""
    check = group.check
    port: str = check["HealthCheckPort"]
    interval_s: float = check["HealthCheckIntervalSeconds"]
    unhealthy_count: int = check["UnhealthyThresholdCount"]
    return HealthCheck(
        protocol=check["HealthCheckProtocol"],
        port=None if port == _TRAFFIC_PORT else int(port),
        path=check["HealthCheckPath"],
        interval_s=max(ground.scaled(interval_s), INTERVAL_LEAST_S),
        timeout_s=max(ground.scaled(check["HealthCheckTimeoutSeconds"]), TIMEOUT_LEAST_S),
        healthy_count=check["HealthyThresholdCount"],
        unhealthy_count=unhealthy_count,
        codes=_codes(check["Matcher"]),
        start_least_s=min(START_LEAST_S, interval_s * (unhealthy_count - 1)),
    )


def checked_port(group: Group, target_port: int) -> str:
    """Return the port on which a target of the group is checked."""
    port: str = group.check["HealthCheckPort"]
    return str(target_port) if port == _TRAFFIC_PORT else port


def _check_protocol(protocol: str) -> None:
    if protocol == "HTTPS":
        raise not_simulated("health checks over HTTPS")
    if protocol != "HTTP":
        raise AwsRefusal(
            "ValidationError", f"Health check protocol '{protocol}' is not supported for HTTP target groups"
        )


def _check_port(port: str) -> None:
    is_number = port.isascii() and port.isdigit() and int(port) in network.PORTS
    if not is_number and port != _TRAFFIC_PORT:
        raise AwsRefusal(
            "ValidationError", f"Health check port '{port}' must be in the range 1-65535 or 'traffic-port'"
        )


def _codes(matcher: Shape) -> tuple[tuple[int, int], ...]:
    """Return the inclusive ranges of a matcher such as `200-299,404`."""
    text: str = matcher.get("HttpCode", "")
    if not fullmatch(r"[0-9]{3}(-[0-9]{3})?(,[0-9]{3}(-[0-9]{3})?)*", text):
        raise AwsRefusal("ValidationError", f"Health check matcher HTTP code '{text}' is not valid")
    ranges = tuple((int(part[:3]), int(part[-3:])) for part in text.split(","))
    if any(not _CODES[0] <= low <= high <= _CODES[1] for low, high in ranges):
        raise AwsRefusal(
            "ValidationError", f"Health check matcher HTTP code '{text}' must be within '200-499' inclusive"
        )
    return ranges
