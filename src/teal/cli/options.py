"""How a command is made: examples first in its help, the flags that all have, every flag also as `TEAL_<FLAG>`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from teal.cli.desk import Desk
from teal.cli.door import Door, door_of_process
from teal.cli.failing import failed, interrupted
from teal.cli.flags import Flags

_SETTINGS = {"auto_envvar_prefix": "TEAL", "help_option_names": ["-h", "--help"], "max_content_width": 100}


def seconds(_ctx: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    """Return the seconds of `90s`, `30m` or `1h30m`; the callback of options that take a duration."""
    if value is None:
        return None
    from teal.config.durations import duration_s  # noqa: PLC0415 - loads the model; most commands take no duration

    try:
        return duration_s(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no duration; write it like 90s, 30m or 1h30m") from None


def pairs(_ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return `path=value` as two; the callback of options that take settings."""
    found = tuple(value.partition("=") for value in values)
    wrong = [value for value, (path, equals, _) in zip(values, found, strict=True) if not (path and equals)]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not of the form path=value, e.g. deploy.bake=30s")
    return tuple((path, text) for path, _, text in found)


# In this order; each grows with every run of one pipeline: GitHub Actions, GitLab, Jenkins.
RUN_NUMBERS = ("GITHUB_RUN_NUMBER", "CI_PIPELINE_IID", "BUILD_NUMBER")


def run_number(environ: Mapping[str, str]) -> int | None:
    """Return the number of the CI run that this is; None where none says so."""
    said = (environ.get(name, "") for name in RUN_NUMBERS)
    return next((int(text) for text in said if text.isascii() and text.isdecimal()), None)


_OUTPUT = (
    click.Option(
        ["-o", "--output"], type=click.Choice(["table", "json", "jsonl"]), default="table", help="What stdout gets."
    ),
    click.Option(["--debug"], is_flag=True, help="Tell what led to an error, and count AWS calls."),
    click.Option(["--no-color"], is_flag=True, help="No colour; NO_COLOR does the same."),
)
_APP = (
    click.Option(
        ["-c", "--config"],
        type=click.Path(path_type=Path),
        help="The configuration; default: teal.yaml, found upwards.",
    ),
    click.Option(
        ["--image"], multiple=True, metavar="CONTAINER=REPO:TAG", help="The image of a container. Repeatable."
    ),
    click.Option(
        ["--set"],
        multiple=True,
        callback=pairs,
        metavar="PATH=VALUE",
        help="Override a value, e.g. deploy.bake=30s. Repeatable.",
    ),
    click.Option(["--profile"], help="The AWS profile."),
    click.Option(["--region"], help="The AWS region; overrides the file."),
    click.Option(["--endpoint-url"], metavar="URL", help="Where AWS's API is, e.g. that of a lab."),
)
_RUN = (
    click.Option(["--yes"], is_flag=True, help="Do not ask."),
    click.Option(
        ["--timeout"], callback=seconds, metavar="DURATION", help="Stop after this long, with nothing put back: 30m."
    ),
)
_LOCK = (
    click.Option(
        ["--lock-wait"],
        callback=seconds,
        metavar="DURATION",
        help="Wait so long for the lock when somebody else holds it: 10m.",
    ),
)


class VerbCommand(click.Command):
    """A command that works at a desk and returns its exit code."""

    def __init__(self, *, examples: tuple[str, ...], shared: tuple[click.Option, ...], **settings: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(**settings)
        self.params += shared
        self.examples = examples
        self.shared = frozenset(option.name for option in shared)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then everything else."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"  {example}\n")
        formatter.write_paragraph()
        super().format_help(ctx, formatter)

    def invoke(self, ctx: click.Context) -> None:
        """Work, and end with an exit code; an error of ours is told, never raised."""
        desk = _desk(ctx)
        own = {name: value for name, value in ctx.params.items() if name not in self.shared}
        try:
            code = ctx.invoke(self.callback or _nothing, desk, **own)
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise
        except (KeyboardInterrupt, click.Abort):
            code = interrupted(desk)
        except Exception as error:  # noqa: BLE001 - the border: nothing reaches a person as a traceback
            code = failed(desk, error)
        ctx.exit(code or 0)


def _nothing(_: Desk) -> int:
    return 0


def verb(
    *, examples: tuple[str, ...], name: str | None = None, app: bool = True, runs: bool = False, locks: bool = False
) -> Callable[[Callable[..., int]], VerbCommand]:
    """Make a command of a function `(desk, *, …) -> exit code`.

    `app` gives it the flags that say which app is meant, `runs` those of commands that change something,
    `locks` those of commands that wait for nobody unless they are told to.
    """

    def make(function: Callable[..., int]) -> VerbCommand:
        own: list[click.Parameter] = list(reversed(getattr(function, "__click_params__", [])))
        return VerbCommand(
            name=name or function.__name__,
            callback=function,
            help=function.__doc__,
            params=own,
            shared=(*(_RUN if runs else ()), *(_LOCK if locks else ()), *(_APP if app else ()), *_OUTPUT),
            examples=examples,
            context_settings=_SETTINGS,
        )

    return make


def _desk(ctx: click.Context) -> Desk:
    door = ctx.find_object(Door) or door_of_process()
    path = [*ctx.command_path.split()[1:-1], str(ctx.command.name)]  # an alias is told under the command's own name
    return Desk(command=" ".join(path), flags=_flags(ctx.params), door=door)


def _flags(params: dict[str, Any]) -> Flags:
    return Flags(
        config=params.get("config"),
        images=tuple(params.get("image") or ()),
        sets=tuple(params.get("set") or ()),
        profile=params.get("profile"),
        region=params.get("region"),
        endpoint_url=params.get("endpoint_url"),
        timeout_s=params.get("timeout"),
        lock_wait_s=params.get("lock_wait") or 0.0,
        output=params.get("output", "table"),
        yes=bool(params.get("yes")),
        debug=bool(params.get("debug")),
        no_color=bool(params.get("no_color")),
    )
