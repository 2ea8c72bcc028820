"""How targets stand with one node: how often their first check was begun anew, and their share.

Envoy lets one passed check do only when it is the very first one. So a target that has failed it and is still new is
made new again for Envoy, by another `attempt` in its locality: that alone makes Envoy begin anew with a known address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from teal.lab.proxy.slow_start import FULL
from teal.lab.proxy.sockets import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one target stands."""

    attempt: int = 0
    weight: int = FULL  # in per cent of a full share


@dataclass(slots=True)
class Standings:
    """How all targets stand; by the ARN of their group and where they are dialled."""

    _known: dict[tuple[str, Address], Standing] = field(default_factory=dict[tuple[str, Address], Standing])
    _begun_s: dict[tuple[str, Address], float] = field(default_factory=dict[tuple[str, Address], float])

    def of(self, arn: str, dial: Address) -> Standing:
        """Return how a target stands."""
        return self._known.get((arn, dial), Standing())

    def weigh(self, arn: str, weights: Mapping[Address, int]) -> None:
        """Give targets of a group their shares, in per cent of a full one."""
        for dial, weight in weights.items():
            self._known[arn, dial] = replace(self.of(arn, dial), weight=weight)

    def begin_again(self, arn: str, dial: Address, interval_s: float, now_s: float) -> bool:
        """Begin anew with a target whose first check failed, if its next one is due; say whether it is."""
        if now_s < self._begun_s.setdefault((arn, dial), now_s) + interval_s:
            return False
        self._begun_s[arn, dial] = now_s
        before = self.of(arn, dial)
        self._known[arn, dial] = replace(before, attempt=before.attempt + 1)
        return True

    def keep_only(self, known: set[tuple[str, Address]]) -> None:
        """Forget every other target: when it comes back, it is new."""
        self._begun_s = {key: at_s for key, at_s in self._begun_s.items() if key in known}
        self._known = {key: standing for key, standing in self._known.items() if key in known}
