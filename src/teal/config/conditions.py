"""The conditions of a listener rule: from the file's words to AWS's, and AWS's limits on them."""

import ipaddress
from collections.abc import Iterator

from msgspec import UnsetType

from teal.config.schema import ConditionsPart
from teal.model.traffic import Condition

_MAX_VALUES = 5
_MAX_WILDCARDS = 6


def conditions_of(part: ConditionsPart) -> tuple[Condition, ...]:
    """Return the conditions as AWS spells them. Each header and each query key is one of its own: all must hold."""
    plain = (
        ("host-header", part.host),
        ("path-pattern", part.path),
        ("http-request-method", part.method),
        ("source-ip", part.source_ip),
    )
    listed = [Condition(field=field, values=tuple(values)) for field, values in plain if values]
    headers = {} if isinstance(part.header, UnsetType) else part.header
    queries = {} if isinstance(part.query, UnsetType) else part.query
    listed += [Condition(field="http-header", header=name, values=tuple(values)) for name, values in headers.items()]
    listed += [Condition(field="query-string", queries=(pair,)) for pair in queries.items()]
    return tuple(listed)


def wrong_conditions(part: ConditionsPart, path: str) -> Iterator[tuple[str, str]]:
    """Yield what AWS would refuse: (path, sentence)."""
    conditions = conditions_of(part)
    values = [value for condition in conditions for value in (*condition.values, *(v for _, v in condition.queries))]
    wildcards = sum(value.count("*") + value.count("?") for value in values)
    if not conditions:
        yield path, "found no condition, expected at least one of host, path, method, header, query, source_ip"
    if len(values) > _MAX_VALUES:
        yield path, f"found {len(values)} values, expected at most {_MAX_VALUES} in all conditions of a rule"
    if wildcards > _MAX_WILDCARDS:
        yield path, f"found {wildcards} wildcards, expected at most {_MAX_WILDCARDS} in all conditions of a rule"
    for index, cidr in enumerate(part.source_ip or ()):
        try:
            ipaddress.ip_network(cidr, strict=False)
        except ValueError:
            yield (
                f"{path}.source_ip[{index}]",
                f"found {cidr!r}, expected addresses in CIDR notation; e.g. 192.0.2.0/24",
            )
