"""The part of `teal.yaml` that says what is asked before the next stage. See `schema`."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from teal.config.durations import DURATION
from teal.config.scalars import HeaderName, HeaderValue, Text, UrlPath, between, meaning, written


class ExpectPart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the answer must be."""

    status: Annotated[int, between(100, 599, "a status code 100–599", 200), meaning("The status code.")] = 200
    contains: Annotated[str, Meta(title="a text"), meaning("A text that must be in the body.")] = ""


class HttpPart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A request through the taste route."""

    path: Annotated[UrlPath, meaning("The path to ask for.")]
    expect: Annotated[
        ExpectPart | UnsetType, Meta(title="a mapping", examples=[{"status": 200}]), meaning("What the answer must be.")
    ] = UNSET
    headers: Annotated[
        dict[HeaderName, HeaderValue] | UnsetType,
        Meta(title="a mapping of header names to values", examples=[{"Accept": "text/html"}]),
        meaning("Headers to send."),
    ] = UNSET
    timeout: Annotated[
        str,
        written(DURATION, "a duration of 1s to 5m", "10s", min_s=1, max_s=300),
        meaning("How long an answer may take."),
    ] = "10s"
    attempts: Annotated[
        int, between(1, 100, "a number 1–100", 3), meaning("So many requests at most; one good answer passes the gate.")
    ] = 3


class RunPart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A command: exit 0 passes, 75 asks to be run again later, anything else fails."""

    command: Annotated[Text, Meta(title="a command", examples=["./smoke.sh"]), meaning("The command.")]
    timeout: Annotated[
        str,
        written(DURATION, "a duration of 1s to 24h", "5m", min_s=1, max_s=86400),
        meaning("How long one run may take."),
    ] = "5m"
    retry: Annotated[
        str,
        written(DURATION, "a duration of 1s to 1h", "5s", min_s=1, max_s=3600),
        meaning("The wait after an exit with 75."),
    ] = "5s"


class GatePart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A gate: exactly one of these keys."""

    http: Annotated[
        HttpPart | UnsetType,
        Meta(title="a mapping", examples=[{"path": "/health"}]),
        meaning("A request through the taste route."),
    ] = UNSET
    run: Annotated[
        Text | RunPart | UnsetType,
        Meta(title="a command, or a mapping", examples=["./smoke.sh"]),
        meaning("A command; a text is short for a mapping with `command` alone."),
    ] = UNSET


class GatesPart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The questions before the next stage."""

    taste: Annotated[
        Annotated[list[GatePart], Meta(max_length=50)] | UnsetType,
        Meta(title="a list of gates"),
        meaning("Asked before any production traffic reaches the new revision; in this order, all must pass."),
    ] = UNSET
