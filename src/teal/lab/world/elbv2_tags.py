"""Tags of load balancers, listeners, rules and target groups, with AWS's limits on them."""

from collections.abc import Mapping, Sequence
from unicodedata import category

from teal.lab.world.elbv2_model import Balancing
from teal.lab.world.ground import Answer, Params
from teal.lab.world.wires import AwsRefusal

_TAGS_PER_RESOURCE = 50
_ARNS_PER_CALL = 20
_KEY_LENGTH = 128
_VALUE_LENGTH = 256
_PUNCTUATION = frozenset("_.:/=+-@")


def add_tags(state: Balancing, params: Params, now_s: float) -> Answer:
    """AddTags: all resources get all tags, or none gets any."""
    arns: Sequence[str] = params["ResourceArns"]
    added = checked_tags(params["Tags"])
    resources = _resources(state, arns)
    for tags in resources:
        _check_count({**tags, **added})
    for arn, tags in zip(arns, resources, strict=True):
        tags.update(added)
        state.tell(now_s, arn, f"tagged {', '.join(f'{key}={value}' for key, value in added.items())}")
    return {}


def remove_tags(state: Balancing, params: Params, now_s: float) -> Answer:
    """RemoveTags: a key that is not there is no error."""
    arns: Sequence[str] = params["ResourceArns"]
    keys: Sequence[str] = params["TagKeys"]
    for arn, tags in zip(arns, _resources(state, arns), strict=True):
        for key in keys:
            tags.pop(key, None)
        state.tell(now_s, arn, f"untagged {', '.join(keys)}")
    return {}


def describe_tags(state: Balancing, params: Params) -> Answer:
    """DescribeTags: the tags of at most 20 resources."""
    arns: Sequence[str] = params["ResourceArns"]
    return {
        "TagDescriptions": [
            {"ResourceArn": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            for arn, tags in zip(arns, _resources(state, arns), strict=True)
        ]
    }


def checked_tags(sent: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the tags of a request.

    Raises:
        AwsRefusal: a key comes twice, is reserved, or a text is too long or has characters that AWS does not allow.
    """
    tags: dict[str, str] = {}
    for tag in sent:
        key, value = tag["Key"], tag.get("Value", "")
        if key in tags:
            raise AwsRefusal("DuplicateTagKeys", f"Tag key '{key}' was specified more than once")
        _check_text("key", key, _KEY_LENGTH)
        _check_text("value", value, _VALUE_LENGTH)
        if not key or key.lower().startswith("aws:"):
            raise AwsRefusal("ValidationError", f"Tag key '{key}' is not valid: 'aws:' is reserved for system use")
        tags[key] = value
    _check_count(tags)
    return tags


def _check_text(what: str, text: str, length: int) -> None:
    if len(text) > length:
        raise AwsRefusal("ValidationError", f"Tag {what} '{text}' must have length less than or equal to {length}")
    if not all(character in _PUNCTUATION or category(character)[0] in "LZN" for character in text):
        raise AwsRefusal("ValidationError", f"Tag {what} '{text}' contains characters that are not allowed")


def _check_count(tags: Mapping[str, str]) -> None:
    if len(tags) > _TAGS_PER_RESOURCE:
        raise AwsRefusal("TooManyTags", f"A resource can have at most {_TAGS_PER_RESOURCE} tags")


def _resources(state: Balancing, arns: Sequence[str]) -> list[dict[str, str]]:
    if len(arns) > _ARNS_PER_CALL:
        raise AwsRefusal("ValidationError", f"The number of resources must not exceed {_ARNS_PER_CALL}")
    return [_tags_of(state, arn) for arn in arns]


def _tags_of(state: Balancing, arn: str) -> dict[str, str]:
    kind = arn.split("/", maxsplit=1)[0].rpartition(":")[2]
    match kind:
        case "loadbalancer":
            return state.balancer(arn).tags
        case "listener":
            return state.listener(arn).tags
        case "listener-rule":
            return state.rule(arn).tags
        case "targetgroup":
            return state.group(arn).tags
        case _:
            raise AwsRefusal("ValidationError", f"'{arn}' is not a valid load balancer, listener, rule or group ARN")
