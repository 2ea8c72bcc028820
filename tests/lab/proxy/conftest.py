"""The stage as a fixture."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from lab.proxy.stage import BALANCER, Stage, free_port
from teal.lab.proxy import Proxy, find_envoy


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage with nothing on it yet."""
    log: list[str] = []
    proxy = Proxy(
        directory=tmp_path,
        envoy=find_envoy({"PATH": os.defpath}),
        nodes=2,
        delays_s=(0.02, 0.2),
        seed=1,
        log=log.append,
        on_start=lambda _: None,
    )
    proxy.start()
    made = Stage(proxy=proxy, port=free_port(BALANCER), log=log)
    thread = Thread(target=made.keep_applying, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.ended.set()
        thread.join(5)
        made.end()
        shutil.rmtree(tmp_path, ignore_errors=True)
    assert made.errors == []
