"""`teal lab snapshot` and `teal lab restore`: a lab's region as a file."""

from pathlib import Path

import click

from teal.cli.desk import Desk
from teal.cli.options import verb
from teal.cli.screens import show

_named = click.option("--name", default="lab", show_default=True, help="Which lab.")
_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@verb(app=False, examples=("teal lab snapshot before.lab", "teal lab snapshot --name two before.lab"))
@_named
@_FILE
def snapshot(desk: Desk, *, name: str, file: Path) -> int:
    """Write what is in a lab into a file: definitions, services, rules, groups, tags, deployments. Not logs."""
    size = desk.labs().snapshot(name, file)
    show(desk, "message", {"name": name, "file": str(file), "bytes": size, "message": f"{file}: {size} bytes"})
    return 0


@verb(app=False, examples=("teal lab restore before.lab", "teal lab restore --name two before.lab"))
@_named
@_FILE
def restore(desk: Desk, *, name: str, file: Path) -> int:
    """Make a lab what a snapshot says. What is in it is gone, faults end, and all tasks start anew."""
    taken_at = desk.labs().restore(name, file)
    message = f"lab {name} is as it was at {taken_at}; its tasks start anew"
    show(desk, "message", {"name": name, "file": str(file), "taken_at": taken_at, "message": message})
    return 0
