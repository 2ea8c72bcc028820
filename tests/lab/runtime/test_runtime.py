"""Tasks of the world are processes of this machine, and what becomes of them is reported."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import psutil
import pytest

from teal.lab.leash import Leash
from teal.lab.runtime import Images, Place, Runtime
from teal.lab.runtime.images import CannotStartError
from teal.lab.runtime.output import Output
from teal.lab.runtime.starting import AT_A_TIME, LONGEST_S
from teal.lab.world.wires import (
    Container,
    ContainerExited,
    ContainerProbed,
    ContainerStarted,
    LogLines,
    Observation,
    Phase,
    Probe,
    TaskNotStarted,
    TaskStarted,
    WantedTask,
)

SH = Images(commands={"sh:*": ("/bin/sh", "-c"), "gone:*": ("/no/such/program",), "env:*": ("env",)})
PLACE = Place(
    api_url="http://127.0.0.1:4560", region="eu-west-1", low_port_offset=8000, environment={"AWS_ENDPOINT_URL": "x"}
)


def container(image: str, *command: str, name: str = "web", ports: Sequence[int] = (8080,)) -> Container:
    """Return a container."""
    return Container(
        name=name,
        image=image,
        entry_point=(),
        command=command,
        environment={"COLOUR": "blue", "PORT": "1", "AWS_REGION": "us-east-1"},
        essential=True,
        ports=tuple(ports),
        stop_timeout_s=1.0,
    )


def task(*containers: Container, phase: Phase = Phase.RUN, number: int = 1) -> WantedTask:
    """Return a wanted task."""
    return WantedTask(
        task_id=f"t{number}",
        task_arn=f"arn:{number}",
        cluster="demo",
        group="service:web",
        family="web",
        revision=1,
        address=f"10.98.0.{number}",
        containers=containers,
        phase=phase,
    )


@pytest.fixture
def leash() -> Iterator[Leash]:
    """Hold a leash."""
    held = Leash()
    yield held
    held.close()


@pytest.fixture
def runtime(leash: Leash) -> Iterator[Runtime]:
    """Make a runtime; end what it started."""
    made = Runtime(images=SH, place=PLACE, leash=leash)
    yield made
    made.stop(0.2)


def until(
    runtime: Runtime,
    tasks: Sequence[WantedTask],
    enough: Callable[[list[Observation]], bool],
    within_s: float = 20.0,
) -> list[Observation]:
    """Apply again and again until what was seen is enough."""
    seen: list[Observation] = []
    deadline_s = time.monotonic() + within_s
    while not enough(seen):
        assert time.monotonic() < deadline_s, seen
        seen += runtime.apply(tasks, time.monotonic())
        time.sleep(0.01)  # noqa: TID251 - a test of real processes
    return seen


def exited(seen: list[Observation]) -> bool:
    """Say whether a container has ended."""
    return any(isinstance(each, ContainerExited) for each in seen)


def lives(pid: int) -> bool:
    """Say whether a process lives; a zombie does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def lines_of(seen: Sequence[Observation], name: str = "web") -> list[str]:
    """Return what a container wrote."""
    return [line for each in seen if isinstance(each, LogLines) and each.container == name for line in each.lines]


def test_a_task_starts_says_something_and_ends(runtime: Runtime) -> None:
    """Started, heard, ended, in this order, with the exit code."""
    seen = until(runtime, [task(container("sh:1", "echo one; echo two >&2; printf three; exit 7"))], exited)
    assert seen[0] == TaskStarted(task_id="t1", dial={8080: ("127.98.0.1", 8080)})
    assert lines_of(seen) == ["one", "two", "three"]
    assert seen[-1] == ContainerExited(task_id="t1", container="web", exit_code=7)
    assert runtime.apply([task(container("sh:1", "x"))], 0.0) == []


def test_the_environment_is_the_tasks_own(runtime: Runtime) -> None:
    """Nothing of the lab's environment is inherited; HOST and PORT say where to listen."""
    second = container("env:1", name="second", ports=[80])
    seen = until(runtime, [task(container("env:1"), second)], lambda seen: sum(map(exited, [[e] for e in seen])) == 2)
    found = dict(line.split("=", 1) for line in lines_of(seen))
    assert found.pop("PATH").startswith("/usr/local/bin")
    assert {name: found[name] for name in ("HOST", "PORT", "COLOUR", "AWS_REGION", "AWS_ENDPOINT_URL")} == {
        "HOST": "127.98.0.1",
        "PORT": "8080",
        "COLOUR": "blue",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "x",
    }
    assert found["ECS_CONTAINER_METADATA_URI_V4"] == "http://127.0.0.1:4560/v4/t1"
    assert not {"HOME", "USER"} & set(found)
    other = dict(line.split("=", 1) for line in lines_of(seen, "second"))
    assert other["PORT"] == "8080"
    assert other["ECS_CONTAINER_METADATA_URI_V4"] == "http://127.0.0.1:4560/v4/t1-1"


def test_terminate_then_kill(runtime: Runtime) -> None:
    """SIGTERM comes once, SIGKILL ends what ignores it: exit code 137."""
    body = 'trap "echo term" TERM; echo ready; while :; do sleep 0.05; done'
    until(runtime, [task(container("sh:1", body))], lambda seen: "ready" in lines_of(seen))
    stopping = task(container("sh:1", body), phase=Phase.TERMINATE)
    assert lines_of(until(runtime, [stopping], lambda seen: "term" in lines_of(seen))).count("term") == 1
    assert lines_of(runtime.apply([stopping], 0.0)) == []
    seen = until(runtime, [task(container("sh:1", body), phase=Phase.KILL)], exited)
    assert seen[-1] == ContainerExited(task_id="t1", container="web", exit_code=137)


def test_a_polite_task_ends_with_143(runtime: Runtime) -> None:
    """A process that SIGTERM ends has exit code 128 + 15, its children go with it."""
    body = "sleep 60 & echo $!; wait"
    seen = until(runtime, [task(container("sh:1", body))], lambda seen: bool(lines_of(seen)))
    child = int(lines_of(seen)[0])
    seen = until(runtime, [task(container("sh:1", body), phase=Phase.TERMINATE)], exited)
    assert seen[-1] == ContainerExited(task_id="t1", container="web", exit_code=143)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_task_no_longer_wanted_is_killed(runtime: Runtime) -> None:
    """What the world forgets does not go on running."""
    until(runtime, [task(container("sh:1", "echo up; sleep 60"))], lambda seen: bool(lines_of(seen)))
    (pid,) = runtime.pids()
    until(runtime, [], exited)
    assert runtime.pids() == []
    assert not psutil.pid_exists(pid)


def test_what_a_container_leaves_behind_ends_with_it(runtime: Runtime) -> None:
    """A child that outlives its parent in the same group is killed."""
    seen = until(runtime, [task(container("sh:1", "sleep 60 & echo $!"))], exited)
    child = int(lines_of(seen)[0])
    until(runtime, [], lambda _: not lives(child))


ORDERED = (container("sh:1", "echo side; sleep 60", name="side"), container("sh:1", "echo web; sleep 60"))


def ordered(*held: str, phase: Phase = Phase.RUN) -> list[WantedTask]:
    """Return a task of two containers of which some are held."""
    return [replace(task(*ORDERED, phase=phase), held=frozenset(held))]


def test_what_is_held_starts_later(runtime: Runtime) -> None:
    """A held container starts when it is let go, and says so; the task had started before."""
    seen = until(runtime, ordered("web"), lambda seen: lines_of(seen, "side") == ["side"])
    assert seen[0] == TaskStarted(task_id="t1", dial={8080: ("127.98.0.1", 8080)})
    assert len(runtime.pids()) == 1
    seen = until(runtime, ordered(), lambda seen: lines_of(seen) == ["web"])
    assert [each for each in seen if not isinstance(each, LogLines)] == [
        ContainerStarted(task_id="t1", container="web")
    ]
    assert len(runtime.pids()) == 2


def test_what_is_held_gets_its_signal_later(runtime: Runtime) -> None:
    """SIGTERM reaches the held container only when it is let go."""
    until(runtime, ordered(), lambda _: len(runtime.pids()) == 2)
    until(runtime, ordered("side", phase=Phase.TERMINATE), exited)
    until(runtime, ordered("side", phase=Phase.KILL), lambda _: len(runtime.pids()) == 1)
    seen = until(runtime, ordered(phase=Phase.TERMINATE), exited)
    assert seen[-1] == ContainerExited(task_id="t1", container="side", exit_code=143)


def test_a_container_that_is_let_go_too_late_never_starts(runtime: Runtime) -> None:
    """What had not started when the end came is reported as ended, once."""
    until(runtime, ordered("web"), lambda _: len(runtime.pids()) == 1)
    seen = until(runtime, ordered(phase=Phase.TERMINATE), lambda seen: sum(exited([each]) for each in seen) == 2)
    assert ContainerExited(task_id="t1", container="web", exit_code=143) in seen
    assert runtime.apply(ordered(phase=Phase.TERMINATE), 0.0) == []


def test_a_container_that_cannot_start_later_ends_the_others(runtime: Runtime) -> None:
    """A task is started whole or not at all, also when it comes to that later."""
    wanted = task(ORDERED[0], container("what:1"))
    until(runtime, [replace(wanted, held=frozenset({"web"}))], lambda _: len(runtime.pids()) == 1)
    seen = until(runtime, [wanted], bool)
    assert isinstance(seen[-1], TaskNotStarted)
    assert runtime.pids() == []
    assert runtime.apply([wanted], 0.0) == []


PROBES = [
    ("a program's exit code 0", ("/bin/sh", "-c", 'test "$COLOUR" = blue && test "$HOST" = 127.98.0.1'), True),
    ("another exit code", ("/bin/sh", "-c", "yes | head -c 200000; exit 3"), False),
    ("no such program", ("/no/such/program",), False),
    ("too slow", ("/bin/sh", "-c", "sleep 60"), False),
]


@pytest.mark.parametrize(("name", "command", "passed"), PROBES, ids=[each[0] for each in PROBES])
def test_probes_are_processes_of_the_container(
    runtime: Runtime, leash: Leash, name: str, command: tuple[str, ...], *, passed: bool
) -> None:
    """A probe runs in the container's environment, again and again, each in its time; nothing of it is left."""
    timeout_s = 0.2 if name == "too slow" else 20.0
    probe = Probe(command=command, interval_s=0.05, timeout_s=timeout_s)
    wanted = [task(replace(container("sh:1", "sleep 60"), probe=probe))]

    def twice(seen: list[Observation]) -> bool:
        return sum(isinstance(each, ContainerProbed) for each in seen) == 2

    found = [each for each in until(runtime, wanted, twice, within_s=30.0) if isinstance(each, ContainerProbed)]
    assert found == [ContainerProbed(task_id="t1", container="web", passed=passed)] * 2
    until(runtime, [], lambda _: not runtime.pids())
    assert psutil.Process().children() == [psutil.Process(leash.pid)]


def test_a_probe_ends_with_its_container(runtime: Runtime, leash: Leash) -> None:
    """A container that ends takes a probe along that still runs."""
    probe = Probe(command=("/bin/sh", "-c", "sleep 60"), interval_s=0.0, timeout_s=60.0)
    wanted = [task(replace(container("sh:1", "sleep 0.3"), probe=probe))]
    seen = until(runtime, wanted, exited)
    assert not any(isinstance(each, ContainerProbed) for each in seen)
    assert psutil.Process().children() == [psutil.Process(leash.pid)]


NOT_STARTED = [
    (
        task(container("what:1")),
        "CannotPullContainerError: failed to resolve ref what:1: not found; add it under images:",
    ),
    (task(container("gone:1")), 'CannotStartContainerError: exec: "/no/such/program"'),
    (task(container("sh:1", "sleep 60"), container("what:1", name="side")), "CannotPullContainerError"),
    (task(container("sh:1", "exit"), phase=Phase.TERMINATE), "stopped before its containers started"),
]


@pytest.mark.parametrize(("wanted", "reason"), NOT_STARTED)
def test_not_started(runtime: Runtime, wanted: WantedTask, reason: str) -> None:
    """A task that cannot be started is reported once, in ECS's words, and none of its containers runs."""
    (seen,) = runtime.apply([wanted], 0.0)
    assert isinstance(seen, TaskNotStarted)
    assert reason in seen.reason
    assert runtime.pids() == []
    assert runtime.apply([wanted], 0.0) == []


def test_many_tasks_start_in_several_rounds(runtime: Runtime) -> None:
    """A few tasks start at a time, the next ones when those had their time, and none twice."""
    wanted = [task(container("sh:1", "sleep 60"), number=number) for number in range(1, 2 * AT_A_TIME + 5)]
    started: list[int] = []
    for round_s in range(4):
        seen = runtime.apply(wanted, LONGEST_S * round_s)
        started.append(sum(isinstance(each, TaskStarted) for each in seen))
    assert started == [AT_A_TIME, AT_A_TIME, 4, 0]
    assert len(runtime.pids()) == len(wanted)


def test_elsewhere_every_port_is_a_free_one(leash: Leash) -> None:
    """Without addresses of their own, tasks share 127.0.0.1 and differ by port."""
    place = Place(api_url="", region="eu-west-1", low_port_offset=8000, own_addresses=False)
    runtime = Runtime(images=SH, place=place, leash=leash)
    wanted = [task(container("sh:1", "echo $HOST:$PORT", ports=[80]), number=number) for number in (1, 2)]
    seen = until(runtime, wanted, lambda seen: len(lines_of(seen)) == 2)
    dialled = [each.dial[80] for each in seen if isinstance(each, TaskStarted)]
    assert len({port for _, port in dialled}) == 2
    assert sorted(lines_of(seen)) == sorted(f"127.0.0.1:{port}" for _, port in dialled)
    runtime.stop(0.2)


COMMANDS: list[tuple[str, tuple[str, ...], tuple[str, ...], list[str]]] = [
    ("lab/sample:blue", (), (), [sys.executable, "-m", "teal.lab.sample"]),
    ("lab/sample", (), (), [sys.executable, "-m", "teal.lab.sample"]),
    ("lab/sample@sha256:00", (), (), [sys.executable, "-m", "teal.lab.sample"]),
    ("lab/sample:blue@sha256:00", (), ("x",), [sys.executable, "-m", "teal.lab.sample", "x"]),
    ("host:5000/shop/web", (), ("--fast",), ["serve", "127.98.0.1:8080", "{other}", "--fast"]),
    ("shop/web:2", ("/bin/app",), ("{port}",), ["/bin/app", "{port}"]),
]


@pytest.mark.parametrize(("image", "entry_point", "command", "argv"), COMMANDS)
def test_images(image: str, entry_point: tuple[str, ...], command: tuple[str, ...], argv: list[str]) -> None:
    """The first pattern that fits gives the command; the entry point replaces it, the command is appended."""
    images = Images(commands={"*shop/web:*": ("serve", "{host}:{port}", "{other}"), "*:2": ("never",)})
    wanted = Container(
        name="web",
        image=image,
        entry_point=entry_point,
        command=command,
        environment={},
        essential=True,
        ports=(8080,),
        stop_timeout_s=1.0,
    )
    assert images.argv(wanted, "127.98.0.1", 8080) == argv


def test_a_command_that_needs_a_port_needs_one() -> None:
    """`{port}` without a port mapping is an error that says so."""
    with pytest.raises(CannotStartError, match="maps no port"):
        Images(commands={"a:*": ("{port}",)}).argv(container("a:1", ports=()), "127.0.0.1", None)


def test_output_is_bounded() -> None:
    """Two hundred lines of four kilobytes, whatever a container writes."""
    output = Output()
    output.feed(b"a" * 100_000)
    output.feed(b"a" * 100_000 + b"\nshort\r\n\xff\npart")
    assert output.take() == ("a" * 4096 + " [cut]", "short", "\N{REPLACEMENT CHARACTER}")
    output.feed(b"ial\n")
    assert output.take() == ("partial",)
    output.feed(b"".join(b"%d\n" % number for number in range(1000)) + b"last")
    assert output.take(last=True) == (
        "[801 lines left out by the lab]",
        *(str(number) for number in range(801, 1000)),
        "last",
    )
    assert output.take(last=True) == ()


def test_a_flood_does_not_stop_the_lab(runtime: Runtime) -> None:
    """A container that writes without end is read in bounded portions."""
    wanted = [task(container("sh:1", "yes"))]
    until(runtime, wanted, lambda seen: bool(lines_of(seen)))
    began_s = time.monotonic()
    for _ in range(10):
        runtime.apply(wanted, 0.0)
    assert time.monotonic() - began_s < 60.0
