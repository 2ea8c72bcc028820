"""A town for every test, and never a process left of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.outside.town import Town
from teal.lab import control
from teal.lab.control import LabOptions


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A lab at a fiftieth of AWS's delays, with nothing in it."""
    (tmp_path / "home").mkdir()
    lab = control.up(LabOptions(root=tmp_path / "labs", port=0, time_scale=0.02))
    try:
        yield Town(lab=lab, root=tmp_path / "home")
    finally:
        control.down(tmp_path / "labs", lab.name)
