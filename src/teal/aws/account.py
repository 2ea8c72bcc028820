"""Who asks, and which services are scaled by Application Auto Scaling, as `teal.ports.Account`.

A lab says of itself in the headers of its answers that it is one. They are believed only when the answer came from this
computer: nothing on the way to AWS may make teal shorten its holds.
"""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from math import isfinite
from typing import Any, cast
from urllib.parse import urlsplit

from teal.aws.call import Door, ask, batches, listed
from teal.model.identity import Caller, LabFacts

_RESOURCES_PER_CALL = 50
_TIME_SCALE = "x-teal-lab-time-scale"
_LOW_PORT_OFFSET = "x-teal-lab-low-port-offset"


class AwsAccount:
    """The account behind a door."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def caller(self) -> Caller:
        """Return who asks, and where."""
        answer = ask(self._door, "sts", "GetCallerIdentity", {})
        lab = _lab_facts(answer.data) if is_loopback(self._door.endpoint("sts")) else None
        return Caller(account=answer.text("Account"), arn=answer.text("Arn"), region=self._door.region, lab=lab)

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


def _lab_facts(answer: Mapping[str, Any]) -> LabFacts | None:
    """Return what the lab says of itself; None where no lab answered."""
    metadata = cast("Mapping[str, Any]", answer.get("ResponseMetadata", {}))
    headers = {str(name).lower(): str(value) for name, value in metadata.get("HTTPHeaders", {}).items()}
    try:
        scale, offset = float(headers[_TIME_SCALE]), int(headers[_LOW_PORT_OFFSET])
    except (KeyError, ValueError):
        return None
    return LabFacts(time_scale=scale, low_port_offset=offset) if isfinite(scale) and scale > 0 else None
