"""What a row of the table of refusals says: an input that AWS refuses, and what is known of how.

A row is data. Parameters name what the scene has made by `$name`, so that one row runs against any region.
"""

from dataclasses import dataclass
from typing import Any, Literal, cast

Json = dict[str, Any]
# stated: AWS's reference ties this code to this input; seen: people have shown AWS's answer;
# assumed: AWS states the rule, and the code is the one that the service has for bad parameters.
Sure = Literal["stated", "seen", "assumed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """How AWS refuses, and who says so."""

    code: str
    sure: Sure
    source: str
    says: str = ""  # AWS's words or a part of them, where they are known


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A call that sets the scene; `name` will stand for what it made."""

    call: str  # `elbv2 CreateRule`
    params: Json
    name: str = ""
    at: str = ""  # where in the answer the thing made stands, e.g. `Rules[0].RuleArn`


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An input that AWS refuses beside one that it accepts.

    The two differ in their parameters, in the scene (`spoiled` is set for the refused one alone), or in both.
    """

    what: str
    call: str
    wrong: Json
    claim: Claim
    right: Json | None = None  # the same parameters, in the scene that is not spoiled
    before: tuple[Step, ...] = ()
    spoiled: tuple[Step, ...] = ()


def stated(code: str, source: str, says: str = "") -> Claim:
    """Return a claim that AWS's reference makes."""
    return Claim(code=code, sure="stated", source=source, says=says)


def seen(code: str, says: str, source: str) -> Claim:
    """Return a claim about an answer that people have shown."""
    return Claim(code=code, sure="seen", source=source, says=says)


def assumed(code: str, source: str, says: str = "") -> Claim:
    """Return a claim whose rule is AWS's and whose code is assumed."""
    return Claim(code=code, sure="assumed", source=source, says=says)


def resolved(value: Any, names: dict[str, str]) -> Any:  # noqa: ANN401 - any piece of a request
    """Return parameters with what the names stand for; None stands for nothing at all."""
    match value:
        case str() if value.startswith("$"):
            return names[value[1:]]
        case dict():
            given = cast("Json", value).items()
            return {key: resolved(inner, names) for key, inner in given if inner is not None}
        case list():
            return [resolved(inner, names) for inner in cast("list[object]", value)]
        case _:
            return value
