"""Playing seeds: one as a story, or many on all cores."""

from dataclasses import dataclass, replace
from random import Random  # noqa: TID251 - seeded: it is the simulation's only chance

from sim.checkers import Watcher
from sim.cloud import HOSTS
from sim.deployers import Deployer
from sim.epochs import Epochs
from sim.faults import Weather
from sim.lock import LOCKSMITH, Locksmith, Shelf
from sim.recovery import Person
from sim.scenario import Command, Disturbance, Scenario, draw
from sim.settings import cloud_in, spec_of
from sim.story import Story
from sim.strangers import Stranger
from sim.timeline import Action
from teal.execute.laws import LAWS, Laws

FOREIGN_IMAGE = "9"
PATIENCE_S = 1000.0  # a person waits for the lock of whoever was killed


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """How a seed was played."""

    scenario: Scenario
    story: Story
    lasted_s: float  # of virtual time


def play(seed: int, *, kept: bool = False) -> Played:
    """Play a seed: in bad weather, then in good."""
    return play_scenario(draw(seed), kept=kept)


def play_scenario(scenario: Scenario, *, kept: bool = False, laws: Laws = LAWS, smith: Locksmith = LOCKSMITH) -> Played:
    """Play a scenario; its seed decides all that it leaves open."""
    cloud = cloud_in(scenario.state, scenario.routes)
    chance = Random(f"{scenario.seed}")  # noqa: S311 - chance of a play, not of a key
    cloud.lag_s = lambda: chance.uniform(0.2, scenario.slowest_lag_s)
    story = Story(kept=kept, begins_at_s=cloud.now_s)
    watcher = Watcher(
        cloud,
        story,
        HOSTS[: scenario.routes],
        contended=len(scenario.deployers) > 1,
        disturbed=bool(scenario.disturbances),
    )
    watcher.start()
    shelf = Shelf(outages=tuple((cloud.now_s + begins, cloud.now_s + ends) for begins, ends in scenario.outages_s))
    epochs = Epochs(shelf, watcher) if scenario.locked else None
    deployers = [
        replace(_deployer(scenario, number, watcher), laws=laws, epochs=epochs, smith=smith)
        for number in range(len(scenario.deployers))
    ]
    for deployer, sets in zip(deployers, scenario.clock_sets_s, strict=True):
        for at_s, off_s in sets:
            cloud.time.at(cloud.now_s + at_s, _set_clock(deployer, off_s))
    stranger = Stranger(cloud, story, watcher, spec_of(scenario.routes, scenario.shift, FOREIGN_IMAGE).task_definition)
    for disturbance in scenario.disturbances:
        cloud.time.at(cloud.now_s + disturbance.at_s, _act(stranger, disturbance))
    for deployer, commands in zip(deployers[1:], scenario.deployers[1:], strict=True):
        cloud.time.start(deployer.name, _shift(scenario, deployer, commands), chance.uniform(0.0, 200.0))
    _shift(scenario, deployers[0], scenario.deployers[0])()
    cloud.time.join()
    stranger.gone = True
    person = Person(scenario, deployers[0], watcher)
    deployers[0].weather.calm()
    deployers[0].signal_at_s = deployers[0].machine_off_s = 0.0
    deployers[0].lock_wait_s = PATIENCE_S
    shelf.outages = ()
    story.tell(cloud.now_s, "—", "the faults stop")
    person.recover(scenario.deployers[0][-1])
    return Played(scenario=scenario, story=story, lasted_s=cloud.now_s - story.begins_at_s)


def _deployer(scenario: Scenario, number: int, watcher: Watcher) -> Deployer:
    chance = Random(f"{scenario.seed} {number}")  # noqa: S311 - chance of a play, not of a key
    signal_s = scenario.signal_after_s[number]
    return Deployer(
        name=f"deployer {number}",
        cloud=watcher.cloud,
        story=watcher.story,
        watcher=watcher,
        weather=Weather.of(scenario, chance),
        chance=chance,
        machine_off_s=scenario.clock_jumps_s[number],
        signal_at_s=watcher.cloud.now_s + signal_s if signal_s else 0.0,
        in_flight=(len(scenario.deployers) == 1 or scenario.locked) and not scenario.disturbances,
        lock_wait_s=scenario.lock_wait_s[number],
        longest_sleep_s=scenario.longest_sleep_s,
    )


def _set_clock(deployer: Deployer, off_s: float) -> Action:
    return lambda: None if deployer.weather.is_calm else deployer.set_clock(off_s)


def _act(stranger: Stranger, disturbance: Disturbance) -> Action:
    return lambda: stranger.disturb(disturbance)


def _shift(scenario: Scenario, deployer: Deployer, commands: tuple[Command, ...]) -> Action:
    """Return the work of one deployer: its commands, one after another."""

    def work() -> None:
        for command in commands:
            deployer.cloud.pass_time(command.after_s)
            deployer.run(command, spec_of(scenario.routes, scenario.shift, command.image))

    return work
