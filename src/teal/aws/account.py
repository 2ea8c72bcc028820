"""Who asks, and which services are scaled by Application Auto Scaling, as `teal.ports.Account`.

A lab says of itself in the headers of its answers that it is one. They are believed only when the answer came from this
computer: nothing on the way to AWS may make teal shorten its holds.
"""

from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from math import isfinite
from typing import Any, cast
from urllib.parse import urlsplit

from teal.aws.call import Door, ask, batches, listed
from teal.model.identity import Caller, LabFacts
from teal.plan.lease import skew_s

_RESOURCES_PER_CALL = 50
_TIME_SCALE = "x-teal-lab-time-scale"
_LOW_PORT_OFFSET = "x-teal-lab-low-port-offset"


class AwsAccount:
    """The account behind a door.

    Args:
        door: calls AWS.
        now_s: tells unix seconds; without it clocks are not compared.
    """

    def __init__(self, door: Door, now_s: Callable[[], float] | None = None) -> None:
        self._door = door
        self._now_s = now_s

    def caller(self) -> Caller:
        """Return who asks, and where, and how far AWS's clock is from ours."""
        asked_s = self._now_s() if self._now_s is not None else 0.0
        answer = ask(self._door, "sts", "GetCallerIdentity", {})
        headers = _headers(answer.data)
        lab = _lab_facts(headers) if is_loopback(self._door.endpoint("sts")) else None
        return Caller(
            account=answer.text("Account"),
            arn=answer.text("Arn"),
            region=self._door.region,
            lab=lab,
            skew_s=_skew_s(headers, asked_s, self._now_s()) if self._now_s is not None else 0.0,
        )

    def scalable(self, cluster: str, services: Sequence[str]) -> frozenset[str]:
        """Return those of the services that are scalable targets."""
        found: set[str] = set()
        for batch in batches(tuple(dict.fromkeys(services)), _RESOURCES_PER_CALL):
            params = {
                "ServiceNamespace": "ecs",
                "ScalableDimension": "ecs:service:DesiredCount",
                "ResourceIds": [f"service/{cluster}/{name}" for name in batch],
            }
            targets = listed(
                self._door, "application-autoscaling", "DescribeScalableTargets", params, "ScalableTargets"
            )
            found |= {target.text("ResourceId").rpartition("/")[2] for target in targets}
        return frozenset(found) & frozenset(services)


def is_loopback(url: str) -> bool:
    """Say whether a URL leads to this computer: by a loopback address, or by the name `localhost`."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _headers(answer: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of an answer, their names in lower case."""
    metadata = cast("Mapping[str, Any]", answer.get("ResponseMetadata", {}))
    return {str(name).lower(): str(value) for name, value in metadata.get("HTTPHeaders", {}).items()}


def _lab_facts(headers: Mapping[str, str]) -> LabFacts | None:
    """Return what the lab says of itself; None where no lab answered."""
    try:
        scale, offset = float(headers[_TIME_SCALE]), int(headers[_LOW_PORT_OFFSET])
    except (KeyError, ValueError):
        return None
    return LabFacts(time_scale=scale, low_port_offset=offset) if isfinite(scale) and scale > 0 else None


def _skew_s(headers: Mapping[str, str], asked_s: float, answered_s: float) -> float:
    """Return by how much AWS's clock is ahead; 0.0 where it does not tell the time."""
    try:
        told_s = parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return 0.0
    return skew_s(told_s, asked_s, answered_s)
