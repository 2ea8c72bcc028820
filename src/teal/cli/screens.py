"""What the commands render with, loaded when it is first needed: the model comes after the first line of output."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from teal.cli.desk import Desk
from teal.cli.door import UseCases

if TYPE_CHECKING:
    from teal.model.run import Intent


def show(desk: Desk, screen: str, *material: object) -> Mapping[str, Any]:
    """Give material: as its screen, or as a JSON document. Return its view."""
    from teal.cli import render  # noqa: PLC0415 - see the top

    return render.show(desk, screen, *material)


def follow(desk: Desk, app: UseCases, intent: "Intent", *, asks: bool) -> int:
    """Run an intent and tell it; return its exit code."""
    from teal.cli import render  # noqa: PLC0415 - see the top

    code = render.follow(desk, app, intent, asks=asks)
    if desk.flags.debug:
        desk.say("AWS calls: " + ", ".join(f"{name} {count}" for name, count in sorted(app.calls.items())))
    return code
