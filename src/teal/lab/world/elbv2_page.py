"""Pages of lists, and what two Describe filters may be combined: the manners of all Describe operations of ELBv2."""

from collections.abc import Sequence

from teal.lab.world.ground import Answer, Params
from teal.lab.world.wires import AwsRefusal

_PAGE_SIZE = 400  # AWS's largest page, and what it answers without a PageSize


def page(name: str, items: Sequence[Answer], params: Params) -> Answer:
    """Return one page of `items` under `name`, with a NextMarker while there are more.

    Raises:
        AwsRefusal: the marker is not one that was handed out, or the page is larger than AWS allows.
    """
    size = int(params.get("PageSize", _PAGE_SIZE))
    if not 1 <= size <= _PAGE_SIZE:
        raise AwsRefusal("ValidationError", f"Page size '{size}' must be between 1 and {_PAGE_SIZE}")
    marker = str(params.get("Marker", "0"))
    if not (marker.isascii() and marker.isdigit()):
        raise AwsRefusal("ValidationError", f"Invalid marker '{marker}'")
    start = int(marker)
    answer: Answer = {name: list(items[start : start + size])}
    if start + size < len(items):
        answer["NextMarker"] = str(start + size)
    return answer


def check_at_most_one(params: Params, *names: str) -> None:
    """Refuse a request that combines filters which exclude each other.

    Raises:
        AwsRefusal: more than one of the named parameters is there.
    """
    if sum(bool(params.get(name)) for name in names) > 1:
        listed = ", ".join(f"'{name}'" for name in names)
        raise AwsRefusal("ValidationError", f"You can specify only one of {listed}")


def check_exactly_one(params: Params, *names: str) -> None:
    """Refuse a request that names none of the filters, or several.

    Raises:
        AwsRefusal: not exactly one of the named parameters is there.
    """
    check_at_most_one(params, *names)
    if not any(params.get(name) for name in names):
        listed = " or ".join(f"'{name}'" for name in names)
        raise AwsRefusal("ValidationError", f"You must specify either {listed}")
