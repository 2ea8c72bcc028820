"""The one place where the configuration touches the world: it finds and reads the files, and is given the environment.

The file is the one named, else `TEAL_CONFIG`, else the first `teal.yaml` from the working directory upwards. The two
JSON files stand beside it. Everything else is pure; see the package's first page.
"""

import importlib.resources
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from teal.config.build import build
from teal.config.check import check, nearest
from teal.config.interpolate import interpolate
from teal.config.native import ServiceBody, read_service, read_task_definition, unwrap
from teal.config.overlay import Sets, apply_images, apply_sets, sets_under
from teal.config.parse import parse_yaml
from teal.config.parse_json import parse_json
from teal.config.tree import Lines, Mistake, Mistakes, Node, lines_of, quote
from teal.config.walk import Walked, walk
from teal.errors import ConfigError, UsageError
from teal.model.spec import Spec

NAME = "teal.yaml"
VARIABLE = "TEAL_CONFIG"
_MAX_BYTES = 512 * 1024
_EXAMPLE_HINT = "`teal demo` shows teal at work without one; `teal schema --example` prints a commented one to copy"
_EXAMPLE = {NAME: "reference.yaml"} | {name: name for name in ("reference-taskdef.json", "reference-service.json")}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inputs:
    """What stands over and inside the files."""

    environ: Mapping[str, str]
    images: Mapping[str, str]
    sets: Sets


def load(
    path: Path | None,
    *,
    environ: Mapping[str, str],
    images: Mapping[str, str],
    sets: tuple[tuple[str, str], ...],
    directory: Path | None = None,
) -> Spec:
    """Return what is wanted.

    Args:
        path: the file; None to look for it.
        environ: the environment, for `TEAL_CONFIG` and `${VAR}`.
        images: container → image; the key is empty where the flag named no container.
        sets: path and value of each `--set`, in order.
        directory: where looking begins; the working directory unless given.

    Raises:
        UsageError: there is no file, or it cannot be read.
        ConfigError: it can be read, and something is wrong in it; all mistakes at once.
    """
    file = _find(path, environ, directory)
    inputs = _Inputs(environ=environ, images=images, sets=sets)
    mistakes: Mistakes = []
    try:
        raw = _read(file)
    except OSError as error:
        raise UsageError(
            f"cannot read the configuration {file}: {error.strerror or error}", hint=_EXAMPLE_HINT
        ) from None
    text = _decode(raw, str(file), mistakes)
    tree = None if text is None else parse_yaml(text, str(file), mistakes)
    spec = None if tree is None else _spec(tree, file, inputs, mistakes)
    if spec is None or mistakes:
        raise ConfigError(lines_of(mistakes, str(file)))
    return spec


def directory_of(path: Path | None, environ: Mapping[str, str], directory: Path | None = None) -> Path:
    """Return the directory of the configuration that `load` reads: there the commands of gates run.

    Raises:
        UsageError: there is no file.
    """
    return _find(path, environ, directory).resolve().parent


def example() -> Mapping[str, str]:
    """Return the commented example: the text of each file by its name."""
    folder = importlib.resources.files("teal.config")
    return {name: (folder / source).read_text("utf-8") for name, source in _EXAMPLE.items()}


def _find(path: Path | None, environ: Mapping[str, str], directory: Path | None) -> Path:
    if path is not None:
        return path
    if environ.get(VARIABLE):
        return Path(environ[VARIABLE])
    start = (directory or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / NAME).is_file():
            return (directory or Path()) / os.path.relpath(folder / NAME, start)
    raise UsageError(f"no {NAME} in {start} or any directory above it, and {VARIABLE} is not set", hint=_EXAMPLE_HINT)


def _read(file: Path) -> bytes:
    """Return the bytes of a file of bounded size."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(_MAX_BYTES + 1)
    except ValueError as error:  # a NUL in the name
        raise OSError(str(error)) from None
    if len(raw) > _MAX_BYTES:
        raise OSError(f"it has more than {_MAX_BYTES // 1024} KiB")
    return raw


def _decode(raw: bytes, file: str, mistakes: Mistakes) -> str | None:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        where = Lines(before, file).at(len(before))
        mistakes.append(Mistake(where=where, path="", text=f"found the byte 0x{raw[error.start]:02x}, expected UTF-8"))
        return None


def _spec(tree: Node, file: Path, inputs: _Inputs, mistakes: Mistakes) -> Spec | None:
    """Return the `Spec` of a tree, or None; only without mistakes does it count."""
    own = tuple(pair for pair in inputs.sets if not pair[0].startswith(("task_definition.", "service.")))
    tree = interpolate(apply_sets(tree, own, "", mistakes), inputs.environ, mistakes)
    walked = walk(tree, mistakes)
    task = _task_definition(walked, file, inputs, mistakes)
    service = _service(walked, file, inputs, mistakes)
    check(walked, task, service, mistakes)
    if mistakes or task is None or service is None:
        return None
    return build(walked.file, task, service, walked.places)


def _task_definition(walked: Walked, file: Path, inputs: _Inputs, mistakes: Mistakes) -> dict[str, Any] | None:
    tree = _beside(walked, "task_definition", file, mistakes)
    if tree is None:
        return None
    tree = apply_sets(unwrap(tree), sets_under(inputs.sets, "task_definition"), "task_definition.", mistakes)
    tree = apply_images(tree, inputs.images, mistakes)
    return read_task_definition(interpolate(tree, inputs.environ, mistakes), mistakes)


def _service(walked: Walked, file: Path, inputs: _Inputs, mistakes: Mistakes) -> ServiceBody | None:
    tree = _beside(walked, "service", file, mistakes)
    if tree is None:
        return None
    tree = apply_sets(tree, sets_under(inputs.sets, "service"), "service.", mistakes)
    return read_service(interpolate(tree, inputs.environ, mistakes), mistakes)


def _beside(walked: Walked, key: str, file: Path, mistakes: Mistakes) -> Node | None:
    """Return the tree of the JSON file that `key` names, None when it cannot be read."""
    if key in walked.broken:
        return None
    name: str = getattr(walked.file, key)
    path = file.parent / name
    try:
        raw = _read(path)
    except OSError as error:
        text = f"cannot read {quote(name)} beside {file.name}: {error.strerror or error}"
        mistakes.append(Mistake(where=nearest(walked.places, key), path=key, text=text))
        return None
    text_or_none = _decode(raw, str(path), mistakes)
    return None if text_or_none is None else parse_json(text_or_none, str(path), mistakes)
