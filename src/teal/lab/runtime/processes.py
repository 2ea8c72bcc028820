"""All tasks of the lab: makes real what the world wants, reports what came of it.

`apply` is called about twenty times a second and never waits. It costs one `waitpid` per container and one `select`
for all of them. Starting a process costs milliseconds, so only a few tasks are started per call.
"""

import logging
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import teal
from teal.lab.leash import Leash
from teal.lab.runtime.images import CannotStartError, Images
from teal.lab.runtime.process import Process
from teal.lab.world.wires import (
    Container,
    ContainerExited,
    LogLines,
    Observation,
    Phase,
    TaskNotStarted,
    TaskStarted,
    WantedTask,
)

_LOG = logging.getLogger(__name__)
_STARTS_A_ROUND = 8
_UNPRIVILEGED_PORT = 1024
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
_KILL_WAIT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where tasks run: what they are told about the lab around them."""

    api_url: str
    region: str
    low_port_offset: int
    environment: Mapping[str, str] = field(default_factory=dict[str, str])  # e.g. credentials of the lab
    own_addresses: bool = sys.platform == "linux"


@dataclass(slots=True, kw_only=True)
class _Task:
    processes: list[Process]
    phase: Phase = Phase.RUN

    def running(self) -> Iterator[Process]:
        return (process for process in self.processes if process.exit_code is None)


class Runtime:
    """Tasks as processes.

    Args:
        images: which command an image stands for.
        place: where the tasks run.
        leash: who ends them when the lab cannot.
    """

    def __init__(self, *, images: Images, place: Place, leash: Leash) -> None:
        self._images = images
        self._place = place
        self._leash = leash
        self._tasks: dict[str, _Task] = {}
        self._selector = selectors.DefaultSelector()

    def apply(self, tasks: Iterable[WantedTask], now_s: float) -> list[Observation]:  # noqa: ARG002 - as all runtimes
        """Start, signal and forget processes until they are as wanted; return what was seen since the last call."""
        wanted = {task.task_id: task for task in tasks}
        seen: list[Observation] = []
        self._listen()
        for task_id, task in self._tasks.items():
            seen += self._watched(task_id, task)
        new = [each for each in wanted.values() if each.task_id not in self._tasks]
        seen += [self._start(each) for each in new[:_STARTS_A_ROUND]]
        for task_id, task in list(self._tasks.items()):
            self._steer(task_id, task, wanted.get(task_id))
        return seen

    def pids(self) -> list[int]:
        """Return the processes that run, by the number of their groups."""
        return [process.pid for task in self._tasks.values() for process in task.running()]

    def stop(self, grace_s: float) -> None:
        """End everything: SIGTERM, and SIGKILL for what still runs after `grace_s`."""
        running = [process for task in self._tasks.values() for process in task.running()]
        deadline_s = time.monotonic() + grace_s
        for process in running:
            process.signal(signal.SIGTERM)
        for process in running:
            if not process.wait(deadline_s - time.monotonic()):
                process.signal(signal.SIGKILL)
                process.wait(_KILL_WAIT_S)
            process.ended()
        for task_id in list(self._tasks):
            self._forget(task_id)
        self._selector.close()

    def _listen(self) -> None:
        """Read what the containers wrote; at the end of its output nothing more is to be heard of a container."""
        for key, _ in self._selector.select(0):
            process = key.data
            if not process.read():
                self._selector.unregister(key.fd)

    def _watched(self, task_id: str, task: _Task) -> Iterator[Observation]:
        for process in task.running():
            ended = process.ended()
            if ended:
                process.read()
            lines = process.output.take(last=ended)
            if lines:
                yield LogLines(task_id=task_id, container=process.name, lines=lines)
            if ended and process.exit_code is not None:
                self._deafen(process)
                yield ContainerExited(task_id=task_id, container=process.name, exit_code=process.exit_code)

    def _start(self, wanted: WantedTask) -> Observation:
        """Start all containers of a task, or none."""
        task = self._tasks[wanted.task_id] = _Task(processes=[])
        if wanted.phase is not Phase.RUN:
            return TaskNotStarted(task_id=wanted.task_id, reason="Task was stopped before its containers started")
        host, ports = _dialled(wanted, self._place)
        try:
            for index, container in enumerate(wanted.containers):
                task.processes.append(self._run(wanted, index, container, (host, ports)))
        except CannotStartError as error:
            _LOG.info("task %s: %s", wanted.task_id, error)
            self._abandon(task)
            return TaskNotStarted(task_id=wanted.task_id, reason=str(error))
        return TaskStarted(task_id=wanted.task_id, dial={port: (host, real) for port, real in ports.items()})

    def _run(self, task: WantedTask, index: int, container: Container, where: tuple[str, Mapping[int, int]]) -> Process:
        host, ports = where
        port = ports[container.ports[0]] if container.ports else None
        argv = self._images.argv(container, host, port)
        process = Process(container.name, argv, self._environment(task, index, (host, port), argv), self._leash)
        self._selector.register(process, selectors.EVENT_READ, process)
        return process

    def _environment(
        self, task: WantedTask, index: int, at: tuple[str, int | None], argv: list[str]
    ) -> Mapping[str, str]:
        """Return the whole environment of a container: nothing of the lab's own is inherited."""
        number = f"-{index}" if index else ""
        environment = {
            "PATH": _PATH,
            "LANG": "C.UTF-8",
            **self._place.environment,
            "AWS_REGION": self._place.region,
            "AWS_DEFAULT_REGION": self._place.region,
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            **task.containers[index].environment,
            "ECS_CONTAINER_METADATA_URI_V4": f"{self._place.api_url}/v4/{task.task_id}{number}",
            "HOST": at[0],
        }
        if at[1] is not None:
            environment["PORT"] = str(at[1])
        if argv[0] == sys.executable:  # the sample of this very teal, wherever it was started from
            environment.setdefault("PYTHONPATH", str(Path(teal.__file__).parents[1]))
        return environment

    def _steer(self, task_id: str, task: _Task, wanted: WantedTask | None) -> None:
        phase = Phase.KILL if wanted is None else wanted.phase
        if phase is not task.phase and phase is not Phase.RUN:
            number = signal.SIGTERM if phase is Phase.TERMINATE else signal.SIGKILL
            for process in task.running():
                process.signal(number)
            task.phase = phase
        if wanted is None and not any(task.running()):
            self._forget(task_id)

    def _abandon(self, task: _Task) -> None:
        for process in task.processes:
            process.signal(signal.SIGKILL)
            process.wait(_KILL_WAIT_S)
            process.ended()
            self._deafen(process)
        task.processes.clear()

    def _forget(self, task_id: str) -> None:
        for process in self._tasks.pop(task_id).processes:
            self._deafen(process)

    def _deafen(self, process: Process) -> None:
        if process.deaf:
            return
        with suppress(KeyError):  # its output had ended before
            self._selector.unregister(process)
        process.close()


def _dialled(task: WantedTask, place: Place) -> tuple[str, Mapping[int, int]]:
    """Return the address of a task, and for each container port the port that is really opened there."""
    ports = [port for container in task.containers for port in container.ports]
    if place.own_addresses:
        offset = place.low_port_offset
        moved = {port: port + offset if port < _UNPRIVILEGED_PORT else port for port in ports}
        return f"127.{task.address.partition('.')[2]}", moved
    return "127.0.0.1", dict(zip(ports, _free_ports(len(ports)), strict=True))


def _free_ports(count: int) -> list[int]:
    """Return ports that are free now; all are held until the last is found, so that they differ."""
    with ExitStack() as held:
        opened = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in opened]
