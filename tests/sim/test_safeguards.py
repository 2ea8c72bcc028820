"""The simulation can see: with one safeguard taken away it fails, within a stated number of seeds."""

from dataclasses import replace

import pytest

from sim.runner import play_scenario
from sim.scenario import draw
from sim.without import WITHOUT, Missing
from teal.execute.guard import Bounds

BOUNDS = [name for name in WITHOUT if name.startswith("the bound")]


def noticed(missing: Missing, seed: int) -> bool:
    """Say whether a seed breaks the rule that the safeguard guards."""
    scenario = missing.weather(draw(seed))
    broken = play_scenario(scenario, laws=missing.laws, smith=missing.smith).story.broken
    return any(line.startswith(missing.breaks) for line in broken)


@pytest.mark.parametrize("safeguard", WITHOUT)
def test_a_missing_safeguard_is_noticed(safeguard: str) -> None:
    """Without this safeguard some seed breaks the rule that it guards: the first one here, or one soon after."""
    missing = WITHOUT[safeguard]
    seeds = range(missing.first, missing.first + missing.within)
    assert any(noticed(missing, seed) for seed in seeds), f"{missing.breaks!r} did not break in {seeds}"


@pytest.mark.parametrize("safeguard", WITHOUT)
def test_the_weather_alone_breaks_nothing(safeguard: str) -> None:
    """In the same weather, with all safeguards, no rule breaks."""
    missing = WITHOUT[safeguard]
    seeds = range(missing.first, missing.first + 4)
    broken = [line for seed in seeds for line in play_scenario(missing.weather(draw(seed))).story.broken]
    assert not broken


@pytest.mark.parametrize("safeguard", BOUNDS)
def test_a_bound_stops_a_planner_that_is_wrong(safeguard: str) -> None:
    """The planner that goes in circles without this bound is stopped by it before the rule breaks."""
    bounded = replace(WITHOUT[safeguard], laws=replace(WITHOUT[safeguard].laws, bounds=Bounds))
    assert not any(noticed(bounded, seed) for seed in range(bounded.first, bounded.first + 4))
