"""Every call that changes something in AWS goes through here, under a lease.

The executor renews what is due before it looks at the routes. Here the order is: sign, look at the lease, send. The
look at the lease comes after the signature, in the hook that `client` calls right before each attempt is sent, so that
a process which sleeps at the worst moment sends at most what was signed before: AWS refuses that once it is old. A call
that is refused here is not sent and not tried again.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from teal.aws.call import Door
from teal.aws.operations import WRITES


class Lease(Protocol):
    """The lease of a run."""

    def writing(self) -> AbstractContextManager[None]:
        """While this lasts a write may be under way."""
        ...

    def may_send(self) -> None:
        """Return if a write may be sent now.

        Raises:
            BusyError: the lease is lost, or has run out.
        """
        ...


class LeasedDoor:
    """A door whose writes need a lease."""

    def __init__(self, door: Door, lease: Lease) -> None:
        self._door = door
        self._lease = lease

    @property
    def region(self) -> str:
        """The region that is called."""
        return self._door.region

    def endpoint(self, service: str) -> str:
        """Return the URL at which a service is called."""
        return self._door.endpoint(service)

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return AWS's answer.

        Raises:
            BusyError: it would have changed something, and the lease is lost; nothing was sent.
            TealError: what AWS answered instead, or what came between.
        """
        if (service, operation) not in WRITES:
            return self._door.call(service, operation, params)
        with self._lease.writing():
            return self._door.call(service, operation, params)


def guard(before: Callable[[str, str], None], lease: Lease) -> Callable[[str, str], None]:
    """Return what is called before each request: `before`, which may wait, then the look at the lease."""

    def check(service: str, operation: str) -> None:
        before(service, operation)
        if (service, operation) in WRITES:
            lease.may_send()

    return check
