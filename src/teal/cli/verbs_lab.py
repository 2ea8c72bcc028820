"""`teal lab …`: an AWS region on this machine."""

import shlex
from pathlib import Path
from typing import Any

import click

from teal.cli.desk import Desk
from teal.cli.lazy import Entry, LazyGroup
from teal.cli.options import seconds, verb
from teal.cli.screens import show
from teal.errors import LabError

_named = click.option("--name", default="lab", show_default=True, help="Which lab; several can live side by side.")
_SECTION, _GAME_DAY, _STATE = "Commands", "teal.cli.verbs_gameday", "teal.cli.verbs_snapshot"


def _found(desk: Desk, name: str) -> dict[str, Any]:
    status = desk.labs().status(name)
    if status is None:
        raise LabError(f"there is no lab '{name}'", hint="`teal lab up` starts one")
    return status


@verb(
    app=False,
    examples=(
        "teal lab up",
        "teal lab up --time-scale 0.01         300 s of AWS in 3 s",
        "teal lab up --name two --port 4570    a second one beside it",
    ),
)
@_named
@click.option("--port", type=click.IntRange(0, 65535), help="Of its API; 0 is any free one. Default: 4560.")
@click.option("--time-scale", type=float, help="Every delay of AWS, times this.")
@click.option("--config", type=click.Path(path_type=Path), help="A lab.yaml.")
def up(desk: Desk, *, name: str, port: int | None, time_scale: float | None, config: Path | None) -> int:
    """Start a lab and wait until it answers."""
    desk.say(f"starting lab {name} …")
    show(desk, "fields", desk.labs().up(name, port=port, time_scale=time_scale, config=config))
    return 0


@verb(app=False, examples=("teal lab down", "teal lab down --name two"))
@_named
def down(desk: Desk, *, name: str) -> int:
    """End a lab and everything in it. Ending what is not there is fine."""
    ended = desk.labs().down(name)
    show(
        desk,
        "message",
        {"name": name, "ended": ended, "message": f"lab {name} " + ("ended" if ended else "was not up")},
    )
    return 0


@verb(app=False, examples=("teal lab status", "teal lab status -o json"))
@_named
def status(desk: Desk, *, name: str) -> int:
    """Say where a lab answers and what is in it."""
    show(desk, "fields", _found(desk, name))
    return 0


@verb(
    app=False,
    examples=(
        "curl $(teal lab url)            the first listener of its load balancers",
        "curl $(teal lab url --port 80)  the listener on port 80",
        "teal lab url --api              its AWS API",
    ),
)
@_named
@click.option("--port", type=click.IntRange(1, 65535), help="The listener's port, as AWS counts it.")
@click.option("--api", is_flag=True, help="The endpoint of its AWS API.")
def url(desk: Desk, *, name: str, port: int | None, api: bool) -> int:
    """Print where a listener of the lab answers."""
    found = str(_found(desk, name)["api"]) if api else desk.labs().url(name, port)
    show(desk, "message", {"name": name, "url": found, "message": found})
    return 0


@verb(
    app=False,
    examples=(
        "teal lab load                               100 requests per second for 10 s",
        "teal lab load --rate 300 --duration 5m",
        "teal lab load --header 'Host=shop.example'",
    ),
)
@_named
@click.option("--url", help="Default: the lab's first listener.")
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), default=100.0, show_default=True, help="Per second."
)
@click.option("--duration", callback=seconds, metavar="DURATION", default="10s", show_default=True, help="How long.")
@click.option("--header", multiple=True, metavar="NAME=VALUE", help="Sent with each request. Repeatable.")
def load(desk: Desk, *, name: str, url: str | None, rate: float, duration: float, header: tuple[str, ...]) -> int:
    """Send steady requests and count every one that is not answered. One JSON line per second; exit 1 if one failed."""
    labs = desk.labs()
    target = url or labs.url(name, None)
    desk.say(f"{rate:g} requests per second to {target} for {duration:g} s …")
    return labs.load(target, rate_per_s=rate, duration_s=duration, headers=header)


@verb(
    app=False,
    examples=('eval "$(teal lab env)"    lead every AWS client of this shell to the lab', "teal lab env -o json"),
)
@_named
def env(desk: Desk, *, name: str) -> int:
    """Print the variables that lead AWS clients to a lab, for a shell to evaluate."""
    labs = desk.labs()
    variables, unset = labs.environment(name), labs.unset()
    lines = [f"export {key}={shlex.quote(value)}" for key, value in variables.items()]
    message = "\n".join([*lines, f"unset {' '.join(unset)}"])
    if desk.flags.output == "table":
        desk.data(message)
        return 0
    show(desk, "message", {"name": name, "environment": variables, "unset": list(unset)})
    return 0


lab = LazyGroup(
    name="lab",
    help="""Rehearse on an AWS region of this machine: real processes, a real load balancer, loopback only.

\b
teal lab up                  start it
eval "$(teal lab env)"       lead every AWS client of this shell to it
teal lab down                end it and everything in it
""",
    entries={
        "up": Entry(module=__name__, section=_SECTION, about="start a lab and wait until it answers"),
        "down": Entry(module=__name__, section=_SECTION, about="end a lab and everything in it"),
        "status": Entry(module=__name__, section=_SECTION, about="where a lab answers and what is in it"),
        "url": Entry(module=__name__, section=_SECTION, about="where a listener of the lab answers"),
        "load": Entry(module=__name__, section=_SECTION, about="send steady requests, count what is not answered"),
        "env": Entry(module=__name__, section=_SECTION, about="variables that lead AWS clients to the lab"),
        "snapshot": Entry(module=_STATE, section="State", about="write what is in a lab into a file"),
        "restore": Entry(module=_STATE, section="State", about="make a lab what such a file says"),
        "break": Entry(
            module=_GAME_DAY, section="Game day", about="let something go wrong, on purpose", attribute="break_"
        ),
        "mend": Entry(module=_GAME_DAY, section="Game day", about="end what was broken"),
        "events": Entry(module=_GAME_DAY, section="Game day", about="everything that happened, in order"),
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
