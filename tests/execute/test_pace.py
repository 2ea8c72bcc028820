"""A deployment takes what it must, and at most five percent more."""

from pathlib import Path

from region import Stage, stage
from teal.model.run import Deploy

STARTS_S = 3.0  # a task of the region listens after half a second and is healthy two seconds later


def taken_s(app: Stage) -> float:
    """Deploy, and return the virtual seconds it took."""
    ended = app.run(Deploy())
    assert ended.exit_code == 0, ended
    return ended.took_s


def test_a_first_deployment(tmp_path: Path) -> None:
    """Task start, 30 s of steady health and the bake: nothing else costs time."""
    assert taken_s(stage(tmp_path, bake="10m")) <= 1.05 * (STARTS_S + 30 + 600)


def test_a_stepped_flip(tmp_path: Path) -> None:
    """Task start, 30 s of steady health, each hold and the bake: nothing else costs time."""
    app = stage(tmp_path, shift='["10% for 2m", "50% for 3m", "100%"]', bake="10m")
    taken_s(app)
    app.region.pass_time(180)  # what the slot had to cool down is not the next deployment's affair
    assert taken_s(app.with_image("lab/shop:2")) <= 1.05 * (STARTS_S + 30 + 120 + 180 + 600)
