"""What is asked of a run's ports where a test does not care."""

import pytest

from region import stage
from teal.ports import Ports


@pytest.fixture(scope="session")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Ports:
    """Return the ports of a region in memory, in which nothing is deployed."""
    return stage(tmp_path_factory.mktemp("app")).ports()
