"""AWS's patterns as regular expressions of RE2, always meant to match the whole text.

`*` stands for any number of characters, `?` for exactly one, and a backslash takes the meaning from either.
Alternatives become one alternation, so that a condition stays one matcher however many values it has.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, ip_network

_PART = re.compile(r"\\[*?\\]|[*?]|[^*?\\]+|\\")
_OCTET_BITS = 8


def wildcard(pattern: str, *, one: str = ".") -> str:
    """Return the expression for a pattern; `one` matches what a single `?` may stand for."""
    return "".join(_piece(part, one) for part in _PART.findall(pattern))


def _piece(part: str, one: str) -> str:
    if part == "*":
        return f"{one}*"
    if part == "?":
        return one
    return re.escape(part[1:] if len(part) > 1 and part[0] == "\\" else part)


def any_of(expressions: Iterable[str]) -> str:
    """Return the alternation of some expressions."""
    return f"(?:{'|'.join(expressions)})"


def query_pair(key: str, value: str) -> str:
    """Return the expression for one parameter of a query string; without a key, any parameter may have the value."""
    wanted = f"{wildcard(key, one='[^&=]')}=" if key else "(?:[^&=]*=)?"
    return wanted + wildcard(value, one="[^&]")


def cidr(block: str) -> str | None:
    """Return the expression for the dotted addresses of an IPv4 block, or None for a block of IPv6.

    The lab listens on IPv4 alone, so an IPv6 block can never hold the address of a client.
    """
    network = ip_network(block, strict=False)
    if not isinstance(network, IPv4Network):
        return None
    octets = (
        _octet(byte, network.prefixlen - _OCTET_BITS * i) for i, byte in enumerate(network.network_address.packed)
    )
    return r"\.".join(octets)


def _octet(first: int, bits: int) -> str:
    """Return the expression for one octet of which the leading `bits` are given."""
    if bits >= _OCTET_BITS:
        return str(first)
    if bits <= 0:
        return "[0-9]+"
    return any_of(str(value) for value in range(first, first + (1 << (_OCTET_BITS - bits))))
