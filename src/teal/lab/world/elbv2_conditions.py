"""The conditions of a rule: what AWS refuses about them, what it fills in, and their form for the data plane.

`Values` of host-header and path-pattern is AWS's short form of the configuration structure; both are answered.
Regular expressions exist in AWS but not in the lab, which refuses them rather than match something else.
"""

from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_network
from re import fullmatch

from teal.lab.world import elbv2_limits as limits
from teal.lab.world.elbv2_model import Shape
from teal.lab.world.wires import AwsRefusal, Condition, not_simulated

_CONFIGS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
_SHORT = frozenset({"host-header", "path-pattern"})
_REPEATABLE = frozenset({"http-header", "query-string"})
_LONGEST_VALUE = 128
_LONGEST_NAME = 40


def settled_conditions(sent: Sequence[Shape]) -> list[Shape]:
    """Return checked conditions, filled in as AWS keeps them.

    Raises:
        AwsRefusal: as AWS refuses them.
    """
    if not sent:
        raise AwsRefusal("ValidationError", "A condition must be specified")
    conditions = [_settled(condition) for condition in sent]
    for field, count in Counter(condition["Field"] for condition in conditions).items():
        if count > 1 and field not in _REPEATABLE:
            raise AwsRefusal("ValidationError", f"A rule can only have one '{field}' condition")
    values = [value for condition in conditions for value in _texts(condition)]
    most = limits.LIMITS[limits.CONDITION_VALUES]
    if sum(len(_values(condition)) for condition in conditions) > most:
        raise AwsRefusal("ValidationError", f"A rule can only have '{most}' condition values")
    most_wild = limits.LIMITS[limits.CONDITION_WILDCARDS]
    if sum(value.count("*") + value.count("?") for value in values) > most_wild:
        raise AwsRefusal("ValidationError", f"A rule can only have '{most_wild}' condition wildcards")
    return conditions


def for_proxy(condition: Shape) -> Condition:
    """Return a kept condition as the data plane takes it."""
    field: str = condition["Field"]
    config: Shape = condition[_CONFIGS[field]]
    if field == "query-string":
        pairs = tuple((pair.get("Key", ""), pair["Value"]) for pair in config["Values"])
        return Condition(field=field, values=(), queries=pairs)
    return Condition(field=field, values=tuple(config["Values"]), header=config.get("HttpHeaderName", ""))


def _settled(condition: Shape) -> Shape:
    field: str = condition.get("Field", "")
    if field not in _CONFIGS:
        raise AwsRefusal("ValidationError", f"Condition field '{field}' must be one of '[{', '.join(_CONFIGS)}]'")
    name = _CONFIGS[field]
    config = _config(condition, field, name)
    if condition.get("RegexValues") or config.get("RegexValues"):
        raise not_simulated("regular expressions in rule conditions")
    filled: Shape = {"Field": field}
    if field in _SHORT:
        filled["Values"] = list(config["Values"])
    filled[name] = {key: config[key] for key in ("HttpHeaderName", "Values") if key in config}
    if not _values(filled):
        raise AwsRefusal("ValidationError", "A condition value must be specified")
    _check_values(field, filled[name])
    return filled


def _config(condition: Shape, field: str, name: str) -> Shape:
    """Return the configuration structure of a condition, whichever form was sent."""
    others = [other for other in _CONFIGS.values() if other != name and condition.get(other)]
    if others:
        raise AwsRefusal("ValidationError", f"'{others[0]}' cannot be specified for a condition of field '{field}'")
    short: Sequence[str] = condition.get("Values", ())
    config: Shape = {"Values": list[str](), **condition.get(name, {})}
    if not short:
        return config
    if field not in _SHORT or (config["Values"] and list(config["Values"]) != list(short)):
        raise AwsRefusal("ValidationError", f"Specify the values of a '{field}' condition in '{name}' only")
    return config | {"Values": list(short)}


def _values(condition: Shape) -> Sequence[object]:
    values: Sequence[object] = condition[_CONFIGS[condition["Field"]]]["Values"]
    return values


def _texts(condition: Shape) -> list[str]:
    """Return all texts of a condition in which wildcards count."""
    if condition["Field"] != "query-string":
        return [str(value) for value in _values(condition)]
    pairs: Sequence[Shape] = condition["QueryStringConfig"]["Values"]
    return [text for pair in pairs for text in (pair.get("Key", ""), pair["Value"])]


def _check_values(field: str, config: Shape) -> None:
    if field == "query-string":
        for pair in config["Values"]:
            _check_length(pair.get("Value", ""))
            _check_length(pair.get("Key") or "-")
        return
    if field == "http-header":
        _check_header_name(config.get("HttpHeaderName", ""))
    for value in config["Values"]:
        _check_length(value)
        complaint = _complaint(field, value)
        if complaint is not None:
            raise AwsRefusal("ValidationError", f"Condition value '{value}' {complaint}")


def _check_length(value: str) -> None:
    if not 1 <= len(value) <= _LONGEST_VALUE:
        raise AwsRefusal(
            "ValidationError", f"Condition value '{value}' must have between 1 and {_LONGEST_VALUE} characters"
        )


def _check_header_name(name: str) -> None:
    if not fullmatch(rf"[A-Za-z0-9!#$%&'*+.^_`|~-]{{1,{_LONGEST_NAME}}}", name):
        raise AwsRefusal("ValidationError", f"The HTTP header name '{name}' is not valid")
    if name.lower() == "host":
        raise AwsRefusal("ValidationError", "Use a host-header condition to match the host header")


def _complaint(field: str, value: str) -> str | None:
    """Return what is wrong with one value, or None."""
    match field:
        case "host-header" if value == "*" or not fullmatch(r"[A-Za-z0-9.*?-]+", value):
            return "contains a character that is not valid"
        case "path-pattern" if not fullmatch(r"[A-Za-z0-9_.$/~\"'@:+&*?-]+", value):
            return "contains a character that is not valid"
        case "http-request-method" if not fullmatch(rf"[A-Z_-]{{1,{_LONGEST_NAME}}}", value):
            return "is not a valid method"
        case "source-ip" if not _is_block(value):
            return "is not a valid CIDR block"
        case _:
            return None


def _is_block(value: str) -> bool:
    try:
        ip_network(value)
    except ValueError:
        return False
    return "/" in value
