"""Rule conditions as Envoy header matchers: one matcher for each condition, all of which must hold.

Method, path and host are pseudo-headers to Envoy, so every condition becomes a regular expression on a header. That
keeps one shape for all: values are alternatives inside the expression, conditions are matchers side by side.
The address of the client is no header; the listener writes it into `SOURCE_HEADER` before it looks for a rule.

Case: AWS compares hosts, headers and query strings without regard to case, paths and methods with it.
"""

from typing import Any

from teal.errors import LabError
from teal.lab.proxy.patterns import any_of, cidr, query_pair, wildcard
from teal.lab.world.wires import Condition

SOURCE_HEADER = "x-teal-lab-source"
_NEVER = "[^\\x00-\\x{10FFFF}]"  # no character at all


def matchers(conditions: tuple[Condition, ...]) -> list[dict[str, Any]]:
    """Return the matchers for all conditions of a rule."""
    return [_matcher(*_expression(condition)) for condition in conditions]


def _matcher(header: str, expression: str) -> dict[str, Any]:
    return {"name": header, "string_match": {"safe_regex": {"regex": expression}}}


def _expression(condition: Condition) -> tuple[str, str]:
    """Return the header that a condition looks at, and the expression its whole value must match."""
    texts = any_of(wildcard(value) for value in condition.values)
    match condition.field:
        case "host-header":
            return ":authority", f"(?i){texts}(?::[0-9]+)?"
        case "path-pattern":
            return ":path", rf"{any_of(wildcard(value, one='[^?]') for value in condition.values)}(?:\?.*)?"
        case "http-header":
            return condition.header.lower(), f"(?i){texts}"
        case "http-request-method":
            return ":method", texts
        case "query-string":
            pairs = any_of(query_pair(key, value) for key, value in condition.queries)
            return ":path", rf"(?i)[^?]*\?(?:.*&)?{pairs}(?:&.*)?"
        case "source-ip":
            blocks = [block for block in map(cidr, condition.values) if block is not None]
            return SOURCE_HEADER, any_of(blocks or [_NEVER])
        case _:
            raise LabError(f"the lab's load balancer does not know the condition {condition.field!r}")
