"""The examples can be used as they are."""

import re
import shutil
from pathlib import Path

import pytest

from style.house import ROOT, files
from teal.config.source import load

_EXAMPLES = [path for path in files() if path.parts[0] == "examples" and path.name == "teal.yaml"]


def test_there_is_an_example() -> None:
    """The repository has at least one whole example."""
    assert _EXAMPLES


@pytest.mark.parametrize("path", _EXAMPLES, ids=str)
def test_example_is_understood(path: Path) -> None:
    """The configuration of an example has no mistake, and needs no variable to be set."""
    spec = load(ROOT / path, environ={}, images={}, sets=())
    assert spec.app
    assert spec.routes


def test_readme_example_is_understood(tmp_path: Path) -> None:
    """The configuration that the README shows has no mistake, beside the files of the shop."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    for name in ("taskdef.json", "service.json"):
        shutil.copy(ROOT / "examples" / "shop" / name, tmp_path)
    (tmp_path / "teal.yaml").write_text("".join(blocks), encoding="utf-8")
    assert load(tmp_path / "teal.yaml", environ={}, images={}, sets=()).app
