"""A town for every test, and never a process left of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.outside.town import Town, opened


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A lab at a fiftieth of AWS's delays, with nothing in it."""
    with opened(tmp_path) as made:
        yield made
