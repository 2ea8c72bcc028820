"""The commands that move production, and the one that ends a way back. Forward asks first; back never does.

Each speaks before it loads the model, which takes longer than a person's patience with a rollback.
"""

import click

from teal.cli.desk import Desk
from teal.cli.options import run_number, verb
from teal.cli.screens import follow, show
from teal.errors import UsageError

_ADOPT = click.option("--adopt", is_flag=True, help="Go on when somebody else changes what teal only keeps.")


@verb(
    runs=True,
    locks=True,
    examples=(
        "teal deploy --image web=shop/web:1.5        deploy, taste, flip",
        "teal deploy --image web=shop/web:1.5 --hold deploy and taste; `teal flip` goes on",
        "teal deploy --yes --timeout 30m             in CI",
        "teal deploy --restart                       the same content, anew",
    ),
)
@click.option("--hold", is_flag=True, help="Stop after the taste, green whole and without traffic.")
@click.option("--replace", is_flag=True, help="Take the place of a newcomer that is held.")
@click.option("--again", is_flag=True, help="Deploy content that was rolled back before.")
@click.option("--restart", is_flag=True, help="Deploy equal content anew.")
@click.option(
    "--seq", type=click.IntRange(min=0), metavar="N", help="The number of this deployment; default: the CI run's."
)
@click.option("--allow-older", is_flag=True, help="Although what serves has a higher number.")
@_ADOPT
def deploy(desk: Desk, *, seq: int | None, **how: bool) -> int:
    """Bring the configured content to the idle slot, taste it, and flip production to it.

    Run again after an interruption it goes on where it stopped. Exit 0 says that the requested revision serves;
    4 that this run went back and production is fine.
    """
    desk.must_ask()
    app = desk.open("deploying")
    from teal.model.run import Deploy  # noqa: PLC0415 - after the first line of output

    return follow(desk, app, Deploy(seq=run_number(desk.door.environ) if seq is None else seq, **how), asks=True)


@verb(
    runs=True,
    locks=True,
    examples=(
        "teal flip          go on with what is held or under way",
        "teal flip --yes    in CI",
        "teal flip --again  taste and flip what was rolled back",
    ),
)
@click.option("--again", is_flag=True, help="Taste and flip what was rolled back.")
@_ADOPT
def flip(desk: Desk, *, again: bool, adopt: bool) -> int:
    """Send production to the deployment that is held or under way, to the end.

    It never goes to the idle slot of an app at rest: that is what `teal rollback` is for.
    """
    desk.must_ask()
    app = desk.open("flipping")
    from teal.model.run import Flip  # noqa: PLC0415 - after the first line of output

    return follow(desk, app, Flip(again=again, adopt=adopt), asks=True)


@verb(
    runs=True,
    examples=(
        "teal rollback              production back to where the last move came from",
        "teal rollback --to-slot a  where tags or rules are lost and the slot must be named",
        "teal rollback --force      although no target of blue is seen to be healthy",
    ),
)
@click.option("--to-slot", type=click.Choice(["a", "b"]), help="Name the way back where the tags cannot.")
@click.option("--force", is_flag=True, help="Although blue is seen to have no healthy target.")
def rollback(desk: Desk, *, to_slot: str | None, force: bool) -> int:
    """Send production back to where the last move came from. Never asks; run twice, the second does nothing."""
    app = desk.open("rolling back")
    from teal.model.identity import Slot  # noqa: PLC0415 - after the first line of output
    from teal.model.run import Rollback  # noqa: PLC0415 - after the first line of output

    return follow(desk, app, Rollback(to_slot=Slot(to_slot) if to_slot else None, force=force), asks=False)


@verb(runs=True, examples=("teal abort  end the deployment under way; production stays on, or returns to, blue",))
def abort(desk: Desk) -> int:
    """End the deployment under way; production goes to where it came from. Never asks."""
    app = desk.open("aborting")
    from teal.model.run import Abort  # noqa: PLC0415 - after the first line of output

    return follow(desk, app, Abort(), asks=False)


@verb(
    runs=True,
    locks=True,
    examples=(
        "teal retire                 scale the idle slot to 0; shows first which rollback that ends",
        "teal retire --if-due --yes  from cron: only when `keep_warm` is over",
        "teal retire --yes           without a question",
    ),
)
@click.option(
    "--if-due", is_flag=True, help="Only when `keep_warm` is over; exit 0 when it is not, or another run is at work."
)
def retire(desk: Desk, *, if_due: bool) -> int:
    """Scale the idle slot to 0, and wait until it is empty. The only command that destroys; it deletes nothing.

    Refused while a move is under way, within two minutes of the slot's last traffic, and while the live slot is not
    whole. From then on a rollback needs a deployment.
    """
    desk.must_ask()
    app = desk.open("retiring the idle slot of")
    from teal.model.run import Retire  # noqa: PLC0415 - after the first line of output

    return follow(desk, app, Retire(if_due=if_due), asks=True)


@verb(
    examples=(
        "teal unlock shop-web   free the lock of the app shop-web",
        "teal unlock --yes      in a script: free the lock of whatever app teal.yaml names",
    )
)
@click.argument("app", required=False)
@click.option("--yes", is_flag=True, help="Do not ask for the app's name.")
def unlock(desk: Desk, *, app: str | None, yes: bool) -> int:
    """Free the lock of an app whose deployer is gone. Asks for the app's name.

    A deployer that lives after all finds out with its next write, and stops. One that is known to be dead needs no
    unlocking, and `teal rollback` needs none at all.
    """
    opened = desk.open("unlocking")
    if app != opened.spec.app and not yes:
        wrong = f"the app is {opened.spec.app}, not {app}" if app else "unlocking needs the app's name"
        raise UsageError(f"{wrong}; the lock was left alone", hint=f"`teal unlock {opened.spec.app}`, or --yes")
    was = opened.unlock()
    show(desk, "message", {"message": f"broke the lock of {was}" if was else "the lock was free", "broke": was})
    return 0
