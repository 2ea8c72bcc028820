"""The faults there are, one value for each kind. `as_fault` reads them from plain values and says what is wrong.

Durations are real seconds: the time scale does not touch them.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec

from teal.errors import UsageError

Share = Annotated[float, msgspec.Meta(gt=0, le=100)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
Delay = Annotated[float, msgspec.Meta(gt=0, le=60)]
Age = Annotated[float, msgspec.Meta(gt=0, le=30)]
Status = Annotated[int, msgspec.Meta(ge=400, le=599)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Rate = Annotated[float, msgspec.Meta(gt=0, le=1000)]

Change = Literal[
    "weights",
    "rule-deleted",
    "rule-conditions",
    "rule-priority",
    "group-stickiness",
    "group-health-check",
    "target-deregistered",
    "tags-removed",
    "service-scaled",
    "service-updated",
    "service-restarted",
    "task-stopped",
]


class _Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What all faults have in common: they can be written as plain values."""


class KillTask(_Fault, frozen=True, kw_only=True, tag="kill-task"):
    """A running task of a service gets SIGKILL: now, and again every so often."""

    service: Name = "*"  # a pattern with * and ?
    every_s: Seconds | None = None


class FreezeTask(_Fault, frozen=True, kw_only=True, tag="freeze-task"):
    """A running task of a service is stopped (SIGSTOP) until the fault ends (SIGCONT)."""

    service: Name = "*"


class FailHealth(_Fault, frozen=True, kw_only=True, tag="fail-health"):
    """The load balancer's checks of a share of the targets of a service or a group are refused."""

    service: Name = "*"
    group: Name = "*"
    share_percent: Share = 100.0


class SlowRequests(_Fault, frozen=True, kw_only=True, tag="slow-requests"):
    """A share of the requests to a group reaches it late."""

    group: Name = "*"
    share_percent: Share = 100.0
    by_s: Delay = 1.0


class FailRequests(_Fault, frozen=True, kw_only=True, tag="fail-requests"):
    """A share of the requests to a group is answered with an error, as if by the target."""

    group: Name = "*"
    share_percent: Share = 100.0
    status: Status = 500


class _OfCalls(_Fault, frozen=True, kw_only=True):
    """What faults of API calls have in common: which calls they are about."""

    api: Name = "*"  # botocore's name of a service, a pattern
    operation: Name = "*"  # e.g. ModifyRule, Describe*


class ThrottleApi(_OfCalls, frozen=True, kw_only=True, tag="throttle-api"):
    """ECS and ELBv2 count calls in AWS's token buckets, and refuse when one is empty."""

    rate_percent: Rate = 100.0  # of AWS's


class LoseAnswers(_OfCalls, frozen=True, kw_only=True, tag="lose-answers"):
    """A share of the calls is applied, and the connection is closed without an answer."""

    share_percent: Share = 100.0


class DelayAnswers(_OfCalls, frozen=True, kw_only=True, tag="delay-answers"):
    """A share of the calls is applied, and answered late."""

    share_percent: Share = 100.0
    by_s: Delay = 1.0


class ErrorAnswers(_OfCalls, frozen=True, kw_only=True, tag="error-answers"):
    """A share of the calls is not applied, and answered with an error of AWS's own side."""

    share_percent: Share = 100.0
    status: Literal[500, 503] = 503


class GarbleAnswers(_OfCalls, frozen=True, kw_only=True, tag="garble-answers"):
    """A share of the calls is applied, and answered with status 200 and garbage."""

    share_percent: Share = 100.0


class StaleReads(_OfCalls, frozen=True, kw_only=True, tag="stale-reads"):
    """A share of the reads answers as the region was up to `age_s` ago."""

    share_percent: Share = 100.0
    age_s: Age = 5.0
    backwards: bool = False  # a later read may show an earlier state than the one before


class Edit(_Fault, frozen=True, kw_only=True, tag="edit"):
    """Somebody else changes something: now, and again every so often."""

    what: Change
    service: Name = "*"
    group: Name = "*"
    every_s: Seconds | None = None


OfCalls = ThrottleApi | LoseAnswers | DelayAnswers | ErrorAnswers | GarbleAnswers | StaleReads
OfPlane = FailHealth | SlowRequests | FailRequests
OfTasks = KillTask | FreezeTask
Fault = OfTasks | OfPlane | OfCalls | Edit
KINDS: Mapping[str, type[Fault]] = {
    str(one.__struct_config__.tag): one
    for one in (
        *(KillTask, FreezeTask, FailHealth, SlowRequests, FailRequests, ThrottleApi, LoseAnswers, DelayAnswers),
        *(ErrorAnswers, GarbleAnswers, StaleReads, Edit),
    )
}
_FIELD: Final = re.compile(r"(field|at) `(?:\$\.)?(\w+)`")  # how msgspec names a field in its messages


def as_fault(plain: Mapping[str, Any]) -> Fault:
    """Make a fault of plain values: its `kind` and the fields of that kind.

    Raises:
        UsageError: there is no such kind, or it has no such field, or not with such a value.
    """
    kind = KINDS.get(str(plain.get("kind")))
    if kind is None:
        raise UsageError(f"{plain.get('kind')!r} is no kind of fault", hint=f"there are: {', '.join(KINDS)}")
    try:
        return msgspec.convert(plain, kind, strict=True)
    except msgspec.ValidationError as error:
        known = ", ".join(_flag(field.name) for field in msgspec.structs.fields(kind))
        told = _FIELD.sub(lambda found: f"{found[1]} {_flag(found[2])}", str(error))
        raise UsageError(f"{plain['kind']}: {told}", hint=f"it knows: {known}") from error


def _flag(field: str) -> str:
    """Return the option of `teal lab break` for a field: the same word, without the unit."""
    return "--" + field.removesuffix("_percent").removesuffix("_s")


def as_plain(fault: Fault) -> dict[str, Any]:
    """Return a fault as plain values."""
    return dict(msgspec.to_builtins(fault))


def sentence(fault: Fault) -> str:
    """Return a fault in one line: its kind, and what differs from the usual."""
    usual = {field.name: field.default for field in msgspec.structs.fields(type(fault))}
    told = {key: value for key, value in msgspec.structs.asdict(fault).items() if value != usual[key]}
    return " ".join([str(fault.__struct_config__.tag), *(f"{key}={value}" for key, value in told.items())])
