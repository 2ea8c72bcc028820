"""What the checkers know of a run, and how they read routes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sim.cloud import Shares
from sim.scenario import Command
from teal.model.traffic import Rule, TargetHealth

Fractions = dict[str, float]


class Writer(Protocol):
    """Who writes."""

    name: str
    clock_off_s: float
    asleep_s: float  # in its run so far

    @property
    def awake_s(self) -> float:
        """The time as the process counts it."""
        ...


@dataclass(slots=True)
class Notes:
    """What is known of one run."""

    command: Command
    rules_at_s: float | None = None  # awake time of the last answer that told the rules
    rules: Sequence[Rule] = ()  # as read then
    health: dict[str, tuple[Sequence[TargetHealth], float]] = field(
        default_factory=dict[str, tuple[Sequence[TargetHealth], float]]
    )
    missed_at_s: float = -1e9
    failed_writes: int = 0
    writes: list[str] = field(default_factory=list[str])
    done: Counter[str] = field(default_factory=Counter[str])  # how often AWS did the same
    turned_back: bool = False
    asked: Counter[str] = field(default_factory=Counter[str])  # how often the same wait or question was begun
    steps: int = 0
    steps_allowed: int = 0
    falls: int = 0
    foreign: dict[str, Shares] = field(
        default_factory=dict[str, Shares]
    )  # what a stranger changed during this run, from
    weight_at_begin: bool = False
