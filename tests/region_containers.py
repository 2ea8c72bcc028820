"""The containers of the region in memory: who waits for others, and what their health checks answer."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from teal.lab.world.wires import ContainerExited, ContainerProbed, ContainerStarted, LogLines, WantedTask


@dataclass(slots=True)
class Containers:
    """What a runtime remembers of containers."""

    _waiting: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])  # by task

    def begin(self, task: WantedTask) -> None:
        """Take in a task that has just started."""
        self._waiting[task.task_id] = task.held

    def go_on(self, task: WantedTask, dead: AbstractSet[str]) -> Iterator[ContainerStarted | ContainerProbed]:
        """Start what waited and may start now; answer for the health of what runs: not of dead or sick images."""
        waiting = self._waiting[task.task_id]
        for name in waiting - task.held:
            yield ContainerStarted(task_id=task.task_id, container=name)
        self._waiting[task.task_id] = waiting & task.held
        for each in task.containers:
            if each.probe is not None and each.name not in task.held:
                passed = "sick" not in each.image and each.image not in dead
                yield ContainerProbed(task_id=task.task_id, container=each.name, passed=passed)


def crash(task: WantedTask) -> Iterator[LogLines | ContainerExited]:
    """Let the first container of a task end with an error, and say why."""
    name = task.containers[0].name
    yield LogLines(task_id=task.task_id, container=name, lines=("boom: cannot reach the database",))
    yield ContainerExited(task_id=task.task_id, container=name, exit_code=1)
