"""The commands to learn with: the demo, what the configuration may say, completion."""

import json
from importlib.resources import files
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from teal.cli.desk import Desk
from teal.cli.options import verb
from teal.errors import UsageError


@verb(
    app=False,
    examples=(
        "teal demo           a deployment, a flip and a rollback under load, on this machine, without AWS",
        "teal demo --keep    leave the lab running, and say what to try next",
    ),
)
@click.option("--keep", is_flag=True, help="Leave the lab and ./teal-demo as they are at the end.")
def demo(desk: Desk, *, keep: bool) -> int:
    """Show a whole deployment and its rollback in a lab of its own, under load. Needs no AWS account."""
    desk.say("starting a lab of its own …")
    return desk.door.demo(desk.data, desk.door.environ, keep)


@verb(
    app=False,
    examples=(
        "teal schema > teal.schema.json      for editors and for validation",
        "teal schema --example > teal.yaml   an annotated example to start from",
        "teal schema --write shop            the same, with its two JSON files, into a directory",
    ),
)
@click.option("--example", is_flag=True, help="An annotated example with every key, instead.")
@click.option(
    "--write", type=click.Path(file_okay=False, path_type=Path), help="Write the example and its two JSON files there."
)
def schema(desk: Desk, *, example: bool, write: Path | None) -> int:
    """Print what teal.yaml may say: as JSON Schema, or as an annotated example."""
    if write is not None:
        return _write_example(desk, write)
    if example:
        desk.data((files("teal.config") / "reference.yaml").read_text("utf-8").rstrip("\n"))
        return 0
    from teal.config.schema import json_schema  # noqa: PLC0415 - loads msgspec; only this command needs it

    desk.data(json.dumps(json_schema(), indent=2, ensure_ascii=False))
    return 0


def _write_example(desk: Desk, directory: Path) -> int:
    """Write the annotated example; nothing that is there is overwritten."""
    from teal.config.source import example  # noqa: PLC0415 - loads YAML; only this command needs it

    texts = example()
    there = [name for name in texts if (directory / name).exists()]
    if there:
        raise UsageError(f"{directory} has {', '.join(there)} already", hint="name another directory")
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (directory / name).write_text(text, "utf-8")
        desk.data(str(directory / name))
    return 0


@verb(
    app=False,
    examples=(
        'eval "$(teal completion bash)"                                        in ~/.bashrc',
        'eval "$(teal completion zsh)"                                         in ~/.zshrc',
        "teal completion fish > ~/.config/fish/completions/teal.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(desk: Desk, *, shell: str) -> int:
    """Print the completion script of a shell."""
    script = get_completion_class(shell)
    if script is None:
        raise UsageError(f"no completion for {shell}")
    desk.data(script(click.Command("teal"), {}, "teal", "_TEAL_COMPLETE").source().strip())
    return 0
