"""Asking AWS: one call, all pages of a call, a batch at a time.

Everything else in this package stands on `Caller` alone, so that it can be run over botocore, over a lab in memory, or
over canned answers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from teal.aws.fields import Fields
from teal.aws.operations import PAGED

T = TypeVar("T")
_PAGES_MOST = 1000


class Caller(Protocol):
    """Somebody who can call AWS."""

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return AWS's answer as botocore shapes it.

        Args:
            service: botocore's name of the service, e.g. `elbv2`.
            operation: e.g. `ModifyRule`.
            params: as a botocore client takes them.

        Raises:
            TealError: what AWS answered instead, or what came between.
        """
        ...


class Door(Caller, Protocol):
    """A caller that knows where it calls."""

    @property
    def region(self) -> str:
        """The region that is called."""
        ...

    def endpoint(self, service: str) -> str:
        """Return the URL at which a service is called."""
        ...


def ask(caller: Caller, service: str, operation: str, params: Mapping[str, Any]) -> Fields:
    """Return the answer to one call."""
    return Fields(caller.call(service, operation, params), f"{service}:{operation}")


def pages(caller: Caller, service: str, operation: str, params: Mapping[str, Any]) -> Iterator[Fields]:
    """Yield all pages of an answer.

    Raises:
        UnknownAnswerError: the pages lead back to where they were, or do not end.
    """
    paging = PAGED[service, operation]
    seen: set[str] = set()
    answer = ask(caller, service, operation, params)
    for _ in range(_PAGES_MOST):
        yield answer
        token = answer.data.get(paging.answered_as)
        if not token:
            return
        if not isinstance(token, str) or token in seen:
            raise answer.unknown("the answer cannot be believed: its pages go in circles")
        seen.add(token)
        answer = ask(caller, service, operation, {**params, paging.sent_as: token})
    raise answer.unknown(f"the answer has more than {_PAGES_MOST} pages")


def listed(caller: Caller, service: str, operation: str, params: Mapping[str, Any], field: str) -> tuple[Fields, ...]:
    """Return the structures in the list `field` of all pages."""
    return tuple(item for page in pages(caller, service, operation, params) for item in page.parts(field))


def batches(items: Sequence[T], size: int) -> tuple[Sequence[T], ...]:
    """Return `items` in order, cut into pieces of at most `size`."""
    return tuple(items[start : start + size] for start in range(0, len(items), size))


def in_turn(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Return the results of calls made one after another: the plainest `Gather`."""
    return [call() for call in calls]
