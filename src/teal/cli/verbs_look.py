"""The commands that look and change nothing."""

import json

import click

from teal.cli.desk import Desk
from teal.cli.options import run_number, verb
from teal.cli.screens import show

_CHANGES = 10


@verb(
    examples=(
        "teal status                what serves, what is under way, the way back",
        "teal status --exit-code    for an alarm: 0 fine, 5 no warm way back, 6 under way, 7 unexplained",
        "teal status -o json        the same for programs",
    ),
)
@click.option("--exit-code", is_flag=True, help="Say it in the exit code as well: 0, 5, 6 or 7.")
def status(desk: Desk, *, exit_code: bool) -> int:
    """Say what serves production, what is under way, and whether rollback is ready. One look."""
    view = show(desk, "status", desk.open("looking at").status())
    return int(view["attention"]) if exit_code else 0


@verb(
    examples=(
        "teal check                    is everything in place?",
        "teal check --endpoint-url …   the same against a lab",
    ),
)
def check(desk: Desk) -> int:
    """Ask every question that could stop a deployment. Changes nothing."""
    view = show(desk, "check", desk.open("checking").check())
    return int(view["exit_code"])


@verb(
    examples=(
        "teal plan --image web=shop/web:1.5     what `teal deploy` would do",
        "teal plan rollback                     what `teal rollback` would do",
        "teal plan --detailed-exitcode          exit 10 when there is something to do",
    ),
)
@click.argument("command", type=click.Choice(["deploy", "flip", "rollback", "abort", "retire"]), default="deploy")
@click.option("--hold", is_flag=True, help="As `teal deploy --hold`.")
@click.option("--replace", is_flag=True, help="As `teal deploy --replace`.")
@click.option("--again", is_flag=True, help="As `teal deploy --again`.")
@click.option("--restart", is_flag=True, help="As `teal deploy --restart`.")
@click.option("--seq", type=click.IntRange(min=0), metavar="N", help="As `teal deploy --seq`.")
@click.option("--allow-older", is_flag=True, help="As `teal deploy --allow-older`.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 10 when there are steps to take.")
def plan(desk: Desk, *, command: str, detailed_exitcode: bool, seq: int | None, **how: bool) -> int:
    """Show what a command would do, step by step, and what the new task definition changes. Changes nothing."""
    app = desk.open("planning")
    from teal.model.run import Abort, Deploy, Flip, Intent, Retire, Rollback  # noqa: PLC0415 - after the first line of output

    number = run_number(desk.door.environ) if seq is None else seq
    intents: dict[str, Intent] = {
        "deploy": Deploy(seq=number, **how),
        "flip": Flip(),
        "rollback": Rollback(),
        "abort": Abort(),
        "retire": Retire(),
    }
    view = show(desk, "plan", app.spec, *app.plan(intents[command]))
    if view["steps"]:
        return _CHANGES if detailed_exitcode else 0
    return int(view["exit_code"])


@verb(
    examples=(
        "teal taste                            how each slot is reached",
        "teal taste --slot b --show-secret     with the secret, to copy",
    ),
)
@click.option("--slot", type=click.Choice(["a", "b"]), help="Only this slot.")
@click.option("--show-secret", is_flag=True, help="Print the secret itself.")
def taste(desk: Desk, *, slot: str | None, show_secret: bool) -> int:
    """Say how to reach each slot in secret, whatever production does."""
    show(desk, "taste", desk.open("looking at").tastes(), slot, "shown" if show_secret else "hidden")
    return 0


@verb(
    examples=(
        "teal history             the last ten runs",
        "teal history -n 50",
        "teal history -o jsonl    every event of them, as it was written",
    ),
)
@click.option("-n", "--runs", type=click.IntRange(min=1), default=10, show_default=True, help="How many runs.")
def history(desk: Desk, *, runs: int) -> int:
    """Show the last runs, newest last: of this machine, and where `lock:` names a store, of all that share it."""
    lines, missing = desk.open("looking at").history(runs)
    if missing:
        desk.say(missing)
    if desk.flags.output == "jsonl":
        for line in lines:
            desk.data(json.dumps(line, ensure_ascii=False))
        return 0
    show(desk, "history", lines)
    return 0
