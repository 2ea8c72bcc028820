"""The app that is simulated, and the states in which a scenario finds it: made once, by real commands."""

import pickle
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from lives import adopted, must, on
from region import Stage, set_scene
from region_files import SERVICE, TASKDEF, TEAL_YAML
from sim.cloud import HOSTS, Cloud
from teal.config import source
from teal.model.run import Deploy, Rollback
from teal.model.spec import Spec

ROUTE = "  - {load_balancer: shop, listener: 80, create: {priority: %d, conditions: {host: [%s]}}}"
GATES = "  gates:\n    taste: [{http: {path: /, expect: {status: 200}}}]\n"


@cache
def spec_of(routes: int, shift: str, image: str) -> Spec:
    """Return the configuration of the app."""
    with TemporaryDirectory() as directory:
        lines = "\n".join(ROUTE % (20 + 10 * n, host) for n, host in enumerate(HOSTS[:routes]))
        (Path(directory) / "teal.yaml").write_text(TEAL_YAML % (lines, shift, "0s") + GATES)
        (Path(directory) / "taskdef.json").write_text(TASKDEF)
        (Path(directory) / "service.json").write_text(SERVICE)
        spec = source.load(Path(directory) / "teal.yaml", environ={}, images={}, sets=())
    containers = [{**each, "image": f"lab/shop:{image}"} for each in spec.task_definition["containerDefinitions"]]
    return replace(spec, task_definition={**spec.task_definition, "containerDefinitions": containers})


@cache
def _prepared(state: str, routes: int) -> bytes:
    """Return the cloud in which an app stands in a state, packed."""
    play = Stage(region=Cloud(), spec=spec_of(routes, "all_at_once", "1"))
    set_scene(play.region)
    if state != "nothing":
        adopted(on(play, "1"), HOSTS[:routes])
        play.region.pass_time(60.0)
    if state in {"served", "just served", "rolled back", "held"}:
        must(on(play, "2"), Deploy(hold=state == "held"))
    if state in {"rolled back", "served"}:
        play.region.pass_time(200.0)
    if state == "rolled back":
        must(play, Rollback())
    play.region.pass_time(30.0)
    cloud = play.region
    assert isinstance(cloud, Cloud)
    return pickle.dumps(cloud.unwound())


def cloud_in(state: str, routes: int) -> Cloud:
    """Return a cloud of its own in which the app stands in a state."""
    cloud: Cloud = pickle.loads(_prepared(state, routes))  # noqa: S301 - bytes of our own
    cloud.wind_up()
    return cloud
