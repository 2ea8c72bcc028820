"""What the tests of the configuration share."""

from pathlib import Path

import pytest

from config_folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a folder with a good configuration."""
    made = Folder(path=tmp_path)
    made.write()
    return made
