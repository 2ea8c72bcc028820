"""All tasks of the lab: makes real what the world wants, reports what came of it.

`apply` is called about twenty times a second and never waits. It costs one `waitpid` per container and one `select`
for all of them. Starting a process costs milliseconds, and what it does then much more: see `starting`.
"""

import logging
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import teal
from teal.lab.leash import Leash
from teal.lab.runtime.images import CannotStartError, Images
from teal.lab.runtime.probing import Prober
from teal.lab.runtime.process import KILL_WAIT_S, Process
from teal.lab.runtime.starting import Starting
from teal.lab.world.wires import (
    ContainerExited,
    ContainerProbed,
    ContainerStarted,
    LogLines,
    Observation,
    Phase,
    TaskNotStarted,
    TaskStarted,
    WantedTask,
)

_LOG = logging.getLogger(__name__)
_UNPRIVILEGED_PORT = 1024
_TERMED = 128 + signal.SIGTERM
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where tasks run: what they are told about the lab around them."""

    api_url: str
    region: str
    low_port_offset: int
    environment: Mapping[str, str] = field(default_factory=dict[str, str])  # e.g. credentials of the lab
    own_addresses: bool = sys.platform == "linux"


@dataclass(slots=True, kw_only=True)
class _Container:
    """A container that was started."""

    process: Process
    prober: Prober | None
    phase: Phase = Phase.RUN  # the last one it was told of


@dataclass(slots=True, kw_only=True)
class _Task:
    host: str = ""
    ports: Mapping[int, int] = field(default_factory=dict[int, int])  # container port to the one really opened
    containers: dict[str, _Container] = field(default_factory=dict[str, _Container])  # those that were started
    skipped: set[str] = field(default_factory=set[str])  # those that came to their end before their start
    over: bool = False  # it could not be started

    def alive(self) -> Iterator[_Container]:
        return (each for each in self.containers.values() if each.process.exit_code is None)

    def running(self) -> Iterator[Process]:
        return (each.process for each in self.alive())


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
        self._starting = Starting()

    def apply(self, tasks: Iterable[WantedTask], now_s: float) -> list[Observation]:
        """Start, signal, probe and forget processes until they are as wanted; return what was seen since last time."""
        wanted = {task.task_id: task for task in tasks}
        seen: list[Observation] = []
        self._listen()
        for task_id, task in self._tasks.items():
            seen += self._watched(task_id, task, now_s)
        new = (each for each in wanted.values() if each.task_id not in self._tasks)
        seen += [self._begin(each, now_s) for each in self._starting.next(new, now_s)]
        self._starting.note(seen, now_s)
        for task_id, task in list(self._tasks.items()):
            seen += self._steered(task_id, task, wanted.get(task_id), now_s)
        return seen

    def running(self) -> frozenset[str]:
        """Return the ids of the tasks of which a process runs."""
        return frozenset(task_id for task_id, task in self._tasks.items() if any(task.running()))

    def signal(self, task_id: str, number: signal.Signals) -> None:
        """Send a signal to all containers of a task, from outside: the world learns what comes of it, not of it."""
        task = self._tasks.get(task_id)
        for process in task.running() if task is not None else ():
            process.signal(number)

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
                process.wait(KILL_WAIT_S)
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

    def _watched(self, task_id: str, task: _Task, now_s: float) -> Iterator[Observation]:
        for each in task.alive():
            process = each.process
            ended = process.ended()
            if ended:
                process.read()
            lines = process.output.take(last=ended)
            if lines:
                yield LogLines(task_id=task_id, container=process.name, lines=lines)
            if ended and process.exit_code is not None:
                self._close(each)
                yield ContainerExited(task_id=task_id, container=process.name, exit_code=process.exit_code)
            elif each.prober is not None and (passed := each.prober.look(now_s)) is not None:
                yield ContainerProbed(task_id=task_id, container=process.name, passed=passed)

    def _begin(self, wanted: WantedTask, now_s: float) -> Observation:
        """Start all containers of a task that are not held, or none."""
        task = self._tasks[wanted.task_id] = _Task()
        if wanted.phase is not Phase.RUN:
            task.over = True
            return TaskNotStarted(task_id=wanted.task_id, reason="Task was stopped before its containers started")
        task.host, task.ports = _dialled(wanted, self._place)
        failure = self._start(wanted, task, now_s)
        if failure is not None:
            return failure
        dial = {port: (task.host, real) for port, real in task.ports.items()}
        return TaskStarted(task_id=wanted.task_id, dial=dial)

    def _start(self, wanted: WantedTask, task: _Task, now_s: float) -> TaskNotStarted | None:
        """Start what is not held and does not run yet; say so when that cannot be, and end what runs."""
        try:
            for index, container in enumerate(wanted.containers):
                if container.name not in task.containers and container.name not in wanted.held:
                    task.containers[container.name] = self._run(wanted, index, task, now_s)
        except CannotStartError as error:
            _LOG.info("task %s: %s", wanted.task_id, error)
            self._abandon(task)
            return TaskNotStarted(task_id=wanted.task_id, reason=str(error))
        return None

    def _run(self, wanted: WantedTask, index: int, task: _Task, now_s: float) -> _Container:
        container = wanted.containers[index]
        port = task.ports[container.ports[0]] if container.ports else None
        argv = self._images.argv(container, task.host, port)
        environment = self._environment(wanted, index, (task.host, port), argv)

        def beside(command: Sequence[str]) -> Process:
            return Process(container.name, command, environment, self._leash)

        process = Process(container.name, argv, environment, self._leash)
        self._selector.register(process, selectors.EVENT_READ, process)
        prober = None if container.probe is None else Prober(container.probe, beside, now_s)
        return _Container(process=process, prober=prober)

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

    def _steered(
        self, task_id: str, task: _Task, wanted: WantedTask | None, now_s: float
    ) -> Iterator[ContainerStarted | ContainerExited | TaskNotStarted]:
        """Bring a task that is known into the phase that is wanted, except for what is held."""
        if wanted is None:
            self._signal(task, Phase.KILL, frozenset())
            if not any(task.running()):
                self._forget(task_id)
            return
        if task.over:
            return
        known = wanted.held | task.containers.keys() | task.skipped
        released = [each.name for each in wanted.containers if each.name not in known]
        if wanted.phase is not Phase.RUN:
            self._signal(task, wanted.phase, wanted.held)
            task.skipped.update(released)
            yield from (ContainerExited(task_id=task_id, container=name, exit_code=_TERMED) for name in released)
        elif released:
            failure = self._start(wanted, task, now_s)
            if failure is not None:
                yield failure
                return
            yield from (ContainerStarted(task_id=task_id, container=name) for name in released)

    def _signal(self, task: _Task, phase: Phase, held: frozenset[str]) -> None:
        number = signal.SIGTERM if phase is Phase.TERMINATE else signal.SIGKILL
        for each in task.alive():
            if each.phase is not phase and each.process.name not in held:
                each.process.signal(number)
                each.phase = phase

    def _abandon(self, task: _Task) -> None:
        for each in task.containers.values():
            each.process.signal(signal.SIGKILL)
            each.process.wait(KILL_WAIT_S)
            each.process.ended()
            self._close(each)
        task.containers.clear()
        task.over = True

    def _forget(self, task_id: str) -> None:
        for each in self._tasks.pop(task_id).containers.values():
            self._close(each)

    def _close(self, container: _Container) -> None:
        if container.prober is not None:
            container.prober.stop()
        if container.process.deaf:
            return
        with suppress(KeyError):  # its output had ended before
            self._selector.unregister(container.process)
        container.process.close()


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
