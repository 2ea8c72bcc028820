"""What all services of the world stand on: account, time scale, names, story; and what ECS needs of the balancer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol, TypeVar, cast

from teal.lab.world.story import Story
from teal.lab.world.wires import WorldEvent

Params = Mapping[str, Any]  # a request or an answer in AWS's own shape: botocore's models define it
Answer = dict[str, Any]
_T = TypeVar("_T")
_HOLDERS = frozenset({dict, list, tuple})


@dataclass(slots=True, kw_only=True)
class Ground:
    """Account, region, time scale and story of one lab.

    `time_scale` multiplies every delay of AWS that the world keeps: 0.01 turns 300 s into 3 s.
    `network` is the second octet of the lab's addresses, so that several labs can live side by side:
    a task has the address 10.<network>.x.y in the API and may be dialled at 127.<network>.x.y.
    """

    account: str = "000000000000"
    region: str = "eu-west-1"
    partition: str = "aws"
    time_scale: float = 1.0
    network: int = 7
    low_port_offset: int = 8000  # listeners on ports below 1024 are really opened this much higher
    seed: int = 0
    events: Story = field(default_factory=Story)
    _count: int = 0

    def scaled(self, seconds: float) -> float:
        """Return how long a delay that takes `seconds` on AWS takes here."""
        return seconds * self.time_scale

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of `resource` (e.g. `cluster/demo`) of `service` (e.g. `ecs`)."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def hex_id(self, length: int) -> str:
        """Return a new id of `length` hex digits; the sequence depends on the seed alone."""
        self._count += 1
        return sha256(f"{self.seed}/{self._count}".encode()).hexdigest()[:length]

    @property
    def ids(self) -> int:
        """How many ids were given out."""
        return self._count

    def skip_ids(self, count: int) -> None:
        """Give none of the first `count` ids out any more."""
        self._count = max(self._count, count)

    def tell(self, at_s: float, source: str, subject: str, message: str) -> None:
        """Append one line to the story."""
        self.events.append(WorldEvent(at_s=at_s, source=source, subject=subject, message=message))


def duplicate(value: _T) -> _T:
    """Return a copy of a value in AWS's own shape. Its texts, numbers and instants cannot change and are not copied."""
    return cast("_T", _duplicate(value))


def _duplicate(value: object) -> object:
    kind = type(value)
    if kind is dict:
        members = cast("Answer", value)
        return {key: _duplicate(inner) if type(inner) in _HOLDERS else inner for key, inner in members.items()}
    if kind is list:
        items = cast("list[object]", value)
        return [_duplicate(inner) if type(inner) in _HOLDERS else inner for inner in items]
    return tuple(map(_duplicate, cast("tuple[object, ...]", value))) if kind is tuple else value


class TargetDesk(Protocol):
    """What ECS asks of the load balancers. Groups are named by ARN, targets by (address, port)."""

    def group_exists(self, group_arn: str) -> bool:
        """Say whether there is a target group with this ARN."""
        ...

    def group_type(self, group_arn: str) -> str:
        """Return the target type, `ip` or `instance`."""
        ...

    def is_attached(self, group_arn: str) -> bool:
        """Say whether some listener rule or default action forwards to the group."""
        ...

    def register(self, group_arn: str, target: tuple[str, int], dial: tuple[str, int], now_s: float) -> None:
        """Register a target that is reached at `dial`."""
        ...

    def deregister(self, group_arn: str, target: tuple[str, int], now_s: float) -> None:
        """Begin to drain a target; it is gone after the deregistration delay."""
        ...

    def target_state(self, group_arn: str, target: tuple[str, int], now_s: float) -> str | None:
        """Return `initial healthy unhealthy unused draining`, or None when the target is not registered any more."""
        ...

    def target_reason(self, group_arn: str, target: tuple[str, int]) -> str:
        """Return why a target is not healthy, in AWS's words; empty when nothing is known."""
        ...
