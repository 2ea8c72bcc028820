"""What becomes of an API call: the fate that all faults together give it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import assert_never

from teal.lab.faults.buckets import Levels
from teal.lab.faults.chance import draw, hits
from teal.lab.faults.kinds import (
    DelayAnswers,
    ErrorAnswers,
    GarbleAnswers,
    LoseAnswers,
    OfCalls,
    StaleReads,
    ThrottleApi,
)
from teal.lab.world.wires import AwsRefusal

OfShare = LoseAnswers | DelayAnswers | ErrorAnswers | GarbleAnswers | StaleReads
_READS = ("Describe", "List", "Get", "Filter")
_ERRORS = {500: ("InternalFailure", "Internal failure"), 503: ("ServiceUnavailable", "Service is unavailable")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of one call. A refused call is not applied; all others are."""

    refused: AwsRefusal | None = None
    delay_s: float = 0.0  # between the deed and the answer
    lost: bool = False
    garbled: bool = False
    age_s: float = 0.0  # how old the state is that a read sees
    backwards: bool = False


def is_read(operation: str) -> bool:
    """Say whether an operation only reads."""
    return operation.startswith(_READS)


@dataclass(slots=True, kw_only=True)
class CallFault:
    """One fault of calls at work. `count` is how many calls it was asked about."""

    fault: OfCalls
    seed: int
    count: int = 0
    hit: int = 0
    levels: Levels = field(default_factory=Levels)

    def __post_init__(self) -> None:
        if isinstance(self.fault, ThrottleApi):
            self.levels.rate_percent = self.fault.rate_percent

    def touch(self, fate: Fate, service: str, operation: str, now_s: float) -> Fate:
        """Return the fate of a call once this fault has had its say."""
        fault = self.fault
        if not (fnmatchcase(service, fault.api) and fnmatchcase(operation, fault.operation)):
            return fate
        if isinstance(fault, StaleReads) and not is_read(operation):
            return fate
        self.count += 1
        if isinstance(fault, ThrottleApi):
            after = fate if self.levels.take(service, operation, now_s) is None else _refused(fate, _throttled())
        else:
            after = self._drawn(fault, fate)
        self.hit += after is not fate
        return after

    def _drawn(self, fault: OfShare, fate: Fate) -> Fate:
        if not hits(self.seed, self.count, fault.share_percent):
            return fate
        match fault:
            case LoseAnswers():
                return replace(fate, lost=True)
            case DelayAnswers():
                return replace(fate, delay_s=fate.delay_s + fault.by_s)
            case ErrorAnswers():
                return _refused(fate, AwsRefusal(*_ERRORS[fault.status], fault.status))
            case GarbleAnswers():
                return replace(fate, garbled=True)
            case StaleReads():
                age_s = fault.age_s * draw(self.seed, self.count, "age")
                return replace(fate, age_s=max(fate.age_s, age_s), backwards=fate.backwards or fault.backwards)
            case _:
                assert_never(fault)


def _refused(fate: Fate, refusal: AwsRefusal) -> Fate:
    """Return a fate with a refusal; the first one stands."""
    return fate if fate.refused is not None else replace(fate, refused=refusal)


def _throttled() -> AwsRefusal:
    return AwsRefusal("ThrottlingException", "Rate exceeded")


def fate_of(faults: Sequence[CallFault], service: str, operation: str, now_s: float) -> Fate:
    """Return what becomes of a call; every fault counts it, whatever the others do."""
    fate = Fate()
    for each in faults:
        fate = each.touch(fate, service, operation, now_s)
    return fate
