"""The simulation can see: with one safeguard taken away it fails, within a bounded number of seeds."""

import pytest

from sim.runner import play_scenario
from sim.scenario import draw
from sim.without import WITHOUT

SEEDS = 300


@pytest.mark.parametrize("safeguard", WITHOUT)
def test_a_missing_safeguard_is_noticed(safeguard: str) -> None:
    """Without this safeguard some seed breaks the rule that it guards."""
    missing = WITHOUT[safeguard]
    for seed in range(SEEDS):
        story = play_scenario(missing.weather(draw(seed)), laws=missing.laws).story
        if any(line.startswith(missing.breaks) for line in story.broken):
            return
    pytest.fail(f"{SEEDS} seeds without {safeguard}, and {missing.breaks!r} did not break")


@pytest.mark.parametrize("safeguard", WITHOUT)
def test_the_weather_alone_breaks_nothing(safeguard: str) -> None:
    """In the same weather, with all safeguards, no rule breaks."""
    weather = WITHOUT[safeguard].weather
    broken = [line for seed in range(8) for line in play_scenario(weather(draw(seed))).story.broken]
    assert not broken
