"""What a seed draws: an app in some state, who does what to it and when, and what goes wrong meanwhile.

Of all faults each seed has a few kinds only, each at its own rate: a run that meets one storm goes deeper than one that
meets a drizzle of everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random  # noqa: TID251 - seeded: it is the simulation's only chance

from teal.model.run import Abort, Deploy, Flip, Intent, Rollback

STATES = ("nothing", "adopted", "served", "just served", "rolled back", "held")
SHIFTS = ("all_at_once", '["50% for 1m", "100%"]', '["10% for 1m", "50% for 1m", "100%"]')
BAD_IMAGES = ("crash", "sick", "errors")


class Kind(StrEnum):
    """What becomes of a call."""

    THROTTLE = "is throttled"
    DOWN = "is answered 503"
    TIMEOUT = "times out, unheard"
    LOST = "is done, its answer lost"
    LATE = "times out, and is done later"
    GARBAGE = "is answered with nothing"
    STALE = "is answered with the past"
    DENIED = "is denied"
    EXPIRED = "meets expired credentials"
    SLOW = "takes seconds"
    PAUSE = "finds the process asleep"
    KILLED_BEFORE = "is not made: the process is killed"
    KILLED_AFTER = "is the last one: the process is killed"


WRITES_ONLY = frozenset({Kind.LOST, Kind.LATE})
READS_ONLY = frozenset({Kind.STALE})


class Edit(StrEnum):
    """What somebody else does to the app."""

    WEIGHTS = "moves weight between the app's own groups"
    ELSEWHERE = "points a route at a group of somebody else's"
    FIXED = "lets a route answer by itself"
    NO_RULE = "deletes a route"
    STICKY = "makes a route sticky"
    NO_TAGS = "removes the tags of the routes"
    NO_SERVICE_TAGS = "removes the tags of a service"
    NO_TASTE = "deletes a taste rule"
    PIPELINE = "puts another revision into a service"
    SETTINGS = "changes a service's deployment settings"
    GROW = "scales a service up"
    SHRINK = "scales a service down"
    DEATH = "ends a task"
    WAR = "keeps putting a service's deployment settings back"
    MASS_DEATH = "ends all tasks of a service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command, so long after the one before it ended or was killed."""

    image: str
    intent: Intent
    after_s: float

    def __str__(self) -> str:
        return f"{self.intent} with image {self.image}, after {self.after_s:.0f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """What somebody else does, at an instant after the beginning."""

    at_s: float
    edit: Edit
    nth: int  # which route or slot, where there is a choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All that a seed decides beforehand."""

    seed: int
    routes: int
    shift: str
    state: str
    deployers: tuple[tuple[Command, ...], ...]
    rates: Mapping[Kind, float]  # how much more often than others
    of_writes: float  # share of the writes that something becomes of
    of_reads: float
    disturbances: tuple[Disturbance, ...]
    slowest_lag_s: float  # how late a node may take up a change of rules
    clock_jumps_s: tuple[float, ...]  # of each deployer's clock
    signal_after_s: tuple[float, ...]  # when each deployer is asked to stop; 0: never
    clock_sets_s: tuple[tuple[tuple[float, float], ...], ...]  # of each deployer: when, and how wrong from then on
    longest_sleep_s: float  # of a machine; AWS refuses what was signed more than 300 s ago
    locked: bool  # whether the app has a lock
    lock_wait_s: tuple[float, ...]  # how long each deployer waits for it
    of_store: float  # share of the questions to its store that something becomes of
    outages_s: tuple[tuple[float, float], ...]  # when the store answers nobody

    def __str__(self) -> str:
        lines = [
            f"seed {self.seed}: {self.routes} route(s), shift {self.shift}, state {self.state!r}",
            f"  rules reach a node after up to {self.slowest_lag_s:.0f} s",
        ]
        for number, commands in enumerate(self.deployers):
            lines += [f"  deployer {number}: {command}" for command in commands]
            jump, signal = self.clock_jumps_s[number], self.signal_after_s[number]
            lines += [f"  deployer {number}: its clock is {jump:+.1f} s off"] if jump else []
            sets = self.clock_sets_s[number]
            lines += [f"  deployer {number}: its clock is set to {off:+.0f} s at {at_s:.0f} s" for at_s, off in sets]
            lines += [f"  deployer {number}: is asked to stop after {signal:.0f} s"] if signal else []
        lines += [f"  a lock; {self.of_store:.0%} of its store's calls meet a fault"] if self.locked else []
        lines += [f"  its store is down from {begins:.0f} to {ends:.0f} s" for begins, ends in self.outages_s]
        rates = ", ".join(f"{kind.name.lower()} {rate:.2f}" for kind, rate in self.rates.items())
        lines.append(f"  faults: {self.of_writes:.1%} of writes, {self.of_reads:.1%} of reads: {rates or 'none'}")
        lines += [f"  at {d.at_s:.0f} s somebody {d.edit} ({d.nth})" for d in self.disturbances]
        return "\n".join(lines)


def draw(seed: int) -> Scenario:
    """Return the scenario of a seed."""
    chance = Random(seed)  # noqa: S311 - chance of a play, not of a key
    state = chance.choice(STATES)
    several = chance.random() < 0.25
    deployers = tuple(_commands(chance, state) for _ in range(chance.choice((2, 2, 3, 4)) if several else 1))
    stormy = chance.random() < 0.85
    kinds = chance.sample(tuple(Kind), chance.randint(1, 4)) if stormy else []
    edited = chance.random() < 0.35
    locks = Random(f"{seed} lock")  # noqa: S311 - chance of a play, not of a key
    locked = locks.random() < (0.7 if several else 0.3)
    return Scenario(
        seed=seed,
        routes=chance.choice((1, 2, 2)),
        shift=chance.choice(SHIFTS),
        state=state,
        deployers=deployers,
        rates={kind: 0.2 + chance.random() for kind in kinds},
        of_writes=chance.choice((0.03, 0.1, 0.25)) if kinds else 0.0,
        of_reads=chance.choice((0.002, 0.01, 0.04)) if kinds else 0.0,
        disturbances=_disturbances(chance) if edited else (),
        slowest_lag_s=chance.choice((2.0, 10.0, 50.0)),
        clock_jumps_s=tuple(chance.choice((0.0, 0.0, 0.7, -0.7)) for _ in deployers),
        signal_after_s=tuple(chance.uniform(1, 400) if chance.random() < 0.1 else 0.0 for _ in deployers),
        clock_sets_s=tuple(_clock_sets(locks) if locks.random() < 0.1 else () for _ in deployers),
        longest_sleep_s=locks.choice((250.0, 1800.0)),
        locked=locked,
        lock_wait_s=tuple(locks.choice((0.0, 0.0, 60.0, 900.0)) for _ in deployers),
        of_store=locks.choice((0.0, 0.02, 0.1)) if locked and kinds else 0.0,
        outages_s=_outages(locks) if locked and locks.random() < 0.2 else (),
    )


def _commands(chance: Random, state: str) -> tuple[Command, ...]:
    count = chance.choice((1, 1, 1, 2, 2, 3))
    return tuple(_command(chance, state, first=number == 0) for number in range(count))


def _command(chance: Random, state: str, *, first: bool) -> Command:
    image = chance.choice(("3", "3", "3", "4", *BAD_IMAGES)) if chance.random() < 0.9 else "2"
    deploy = Deploy(
        hold=chance.random() < 0.15,
        replace=chance.random() < 0.3,
        again=chance.random() < 0.2,
        restart=chance.random() < 0.05,
    )
    others: tuple[Intent, ...] = (Rollback(), Rollback(), Abort(), Flip(), Flip(again=True))
    forward = 0.8 if first and state in {"nothing", "adopted"} else 0.55
    intent = deploy if chance.random() < forward else chance.choice(others)
    return Command(image=image, intent=intent, after_s=chance.choice((0.0, 5.0, chance.uniform(0, 300))))


def _clock_sets(chance: Random) -> tuple[tuple[float, float], ...]:
    """Somebody sets a clock wrong, by minutes or by hours, and mostly it is put right after a while."""
    at_s, off_s = chance.uniform(0, 400), chance.choice((-1, 1)) * chance.choice((90.0, 200.0, 280.0, 3600.0, 36_000.0))
    right = (at_s + chance.uniform(20, 300), 0.0)
    return ((at_s, off_s), right) if chance.random() < 0.7 else ((at_s, off_s),)


def _outages(chance: Random) -> tuple[tuple[float, float], ...]:
    begins_s = chance.uniform(0, 400)
    return ((begins_s, begins_s + chance.choice((20.0, 90.0, 500.0))),)


def _disturbances(chance: Random) -> tuple[Disturbance, ...]:
    drawn = [
        Disturbance(at_s=chance.uniform(1, 500), edit=chance.choice(tuple(Edit)), nth=chance.randint(0, 3))
        for _ in range(chance.choice((1, 1, 2)))
    ]
    return tuple(sorted(drawn, key=lambda each: each.at_s))
