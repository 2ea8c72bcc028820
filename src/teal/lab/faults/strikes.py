"""Which task is hit: killed once or every so often, or frozen until the fault ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from teal.lab.faults.chance import pick
from teal.lab.faults.kinds import FreezeTask, KillTask, OfTasks
from teal.lab.world.wires import Phase, WantedTask


class Blow(StrEnum):
    """What is done to the processes of a task."""

    KILL = "kill"  # SIGKILL
    FREEZE = "freeze"  # SIGSTOP
    THAW = "thaw"  # SIGCONT


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """A blow at a task."""

    task_id: str
    group: str  # `service:web` or `family:web`
    blow: Blow


@dataclass(slots=True, kw_only=True)
class Striker:
    """One fault of tasks at work. It waits until there is a task to hit."""

    fault: OfTasks
    seed: int
    next_at_s: float
    count: int = 0
    frozen: Strike | None = None

    @property
    def done(self) -> bool:
        """Say whether nothing more will come of it."""
        return isinstance(self.fault, KillTask) and self.fault.every_s is None and self.count > 0

    def strike(self, running: Sequence[WantedTask], now_s: float) -> Strike | None:
        """Return the blow that is due, if there is one and a task to hit."""
        if self.done or self.frozen is not None or now_s < self.next_at_s:
            return None
        fit = [task for task in running if task.phase is Phase.RUN and of_service(task, self.fault.service)]
        task = pick(fit, self.seed, self.count)
        if task is None:
            return None
        self.count += 1
        if isinstance(self.fault, FreezeTask):
            self.frozen = Strike(task_id=task.task_id, group=task.group, blow=Blow.THAW)
            return Strike(task_id=task.task_id, group=task.group, blow=Blow.FREEZE)
        self.next_at_s = now_s + (self.fault.every_s or 0.0)
        return Strike(task_id=task.task_id, group=task.group, blow=Blow.KILL)

    def end(self) -> Strike | None:
        """Return the blow that undoes what can be undone."""
        frozen, self.frozen = self.frozen, None
        return frozen


def of_service(task: WantedTask, pattern: str) -> bool:
    """Say whether a task is one of a service; the pattern `*` fits tasks of no service, too."""
    kind, _, name = task.group.partition(":")
    return pattern == "*" or (kind == "service" and fnmatchcase(name, pattern))
