"""A rehearsal: a lab with the shop's scene set, for the demo, the benchmarks and the tests.

The scene is what teal never creates: a cluster, a load balancer, a listener on port 80.
"""

import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from teal.app.labs import LocalLabs
from teal.errors import LabError

SCENE_TIMEOUT_S = 60.0
SHOP = ("teal.yaml", "taskdef.json", "service.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """A running lab and the shop's files."""

    labs: LocalLabs
    name: str
    directory: Path
    environ: Mapping[str, str]  # leads every AWS client, teal included, to the lab

    @property
    def url(self) -> str:
        """Where production answers."""
        return self.labs.url(self.name, 80)

    @property
    def endpoint_url(self) -> str:
        """Where the lab's API answers."""
        return self.environ["AWS_ENDPOINT_URL"]


@contextmanager
def rehearsal(
    directory: Path, environ: Mapping[str, str], *, name: str, time_scale: float, keep: bool = False
) -> Generator[Rehearsal]:
    """Start a lab, write the shop's files that `directory` does not have yet, set the scene; end the lab at the end.

    Args:
        directory: where the files go; without `keep` the lab keeps its state there too.
        environ: the environment to start from.
        name: of the lab.
        time_scale: every delay of AWS, times this.
        keep: leave the lab running.

    Raises:
        LabError: the lab did not start, or the scene could not be set.
    """
    for file in SHOP:
        if not (directory / file).exists():
            (directory / file).write_text((files("teal.app") / "shop" / file).read_text("utf-8"), "utf-8")
    own = dict(environ) if keep else {**environ, "XDG_STATE_HOME": str(directory / "state")}
    labs = LocalLabs(own)
    labs.up(name, port=0, time_scale=time_scale, config=None)
    try:
        led = {key: value for key, value in own.items() if key not in labs.unset()}
        play = Rehearsal(labs=labs, name=name, directory=directory, environ={**led, **labs.environment(name)})
        _set_scene(play)
        yield play
    finally:
        if not keep:
            labs.down(name)


def _set_scene(play: Rehearsal) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "teal.app.scene"],
        env=dict(play.environ),
        capture_output=True,
        text=True,
        timeout=SCENE_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"the scene could not be set: {done.stderr.strip()[-500:]}")
