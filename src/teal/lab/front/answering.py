"""One call, without HTTP: check against the model, ask the world, hand out a copy.

Both ways into the lab go through here, so that an adapter tested in memory, with a virtual clock, meets the refusals
and the shapes that it will meet over the wire.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from teal.lab.front.checking import check
from teal.lab.front.models import Catalogue, Operation, Service
from teal.lab.front.writing import copied
from teal.lab.world.ground import Answer, Params
from teal.lab.world.wires import AwsRefusal, not_simulated


class Answerer(Protocol):
    """What the front asks of the world."""

    def call(self, service: str, operation: str, params: Params, now_s: float) -> Answer:
        """Perform an operation; raise AwsRefusal when AWS would not."""
        ...


def answer(world: Answerer, service: str, operation: str, params: Mapping[str, Any], now_s: float) -> dict[str, Any]:
    """Return AWS's answer to a call, as botocore would return it, without ResponseMetadata.

    Args:
        world: who knows the answer.
        service: botocore's name of the service, e.g. `elbv2`.
        operation: e.g. `ModifyRule`.
        params: as a botocore client takes them.
        now_s: unix seconds, as the world counts them.

    Raises:
        AwsRefusal: what AWS would answer instead.
    """
    model, wanted = find(_catalogue(), service, operation)
    return perform(world, model, wanted, params, now_s)


def find(catalogue: Catalogue, service: str, operation: str) -> tuple[Service, Operation]:
    """Return the models of a service and an operation; refuse what AWS does not have."""
    model = catalogue.service(service)
    if model is None:
        raise not_simulated(f"{service} {operation}".rstrip())
    wanted = model.operation(operation)
    if wanted is None:
        raise AwsRefusal("InvalidAction", f"{service} has no operation {operation or 'without a name'}")
    return model, wanted


def perform(
    world: Answerer, service: Service, operation: Operation, params: Mapping[str, Any], now_s: float
) -> dict[str, Any]:
    """Check the parameters, call the world, return a copy of its answer."""
    check(service, operation.input, params)
    return copied(service, operation.output, world.call(service.name, operation.name, params, now_s))


@cache
def _catalogue() -> Catalogue:
    """Return the catalogue of all in-process callers: models never change while a process lives."""
    return Catalogue()
