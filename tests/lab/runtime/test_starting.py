"""Whose turn it is to start, when many tasks want to."""

import socket
from collections.abc import Sequence

from teal.lab.runtime.starting import AT_A_TIME, LONGEST_S, Starting
from teal.lab.world.wires import ContainerExited, Phase, TaskStarted, WantedTask

HOST = "127.98.7.1"


def tasks(count: int, phase: Phase = Phase.RUN, first: int = 0) -> list[WantedTask]:
    """Return tasks that wait."""
    return [
        WantedTask(
            task_id=f"t{number}",
            task_arn=f"arn:{number}",
            cluster="demo",
            group="service:web",
            family="web",
            revision=1,
            address="10.98.7.1",
            containers=(),
            phase=phase,
        )
        for number in range(first, first + count)
    ]


def started(turn: Sequence[WantedTask], *ports: int) -> list[TaskStarted]:
    """Return what is seen when tasks start that shall listen on ports."""
    return [TaskStarted(task_id=each.task_id, dial={port: (HOST, port) for port in ports}) for each in turn]


def test_a_few_at_a_time_in_order() -> None:
    """The first come first; nobody more while they start; all that fit when their time is over."""
    starting, waiting = Starting(), tasks(AT_A_TIME + 3)
    turn = starting.next(waiting, 0.0)
    assert turn == waiting[:AT_A_TIME]
    starting.note(started(turn, 1), 0.0)
    assert starting.next(waiting[AT_A_TIME:], LONGEST_S - 0.1) == []
    assert starting.next(waiting[AT_A_TIME:], LONGEST_S) == waiting[AT_A_TIME:]


def test_who_listens_has_started() -> None:
    """A task that listens on all its ports makes room, one that listens on some does not."""
    with socket.create_server((HOST, 0)) as one, socket.create_server((HOST, 0)) as other:
        first, second = one.getsockname()[1], other.getsockname()[1]
        starting, waiting = Starting(), tasks(2 * AT_A_TIME)
        starting.note(started(waiting[:2], first, second), 0.0)
        starting.note(started(waiting[2:AT_A_TIME], first, 1), 0.0)
        assert len(starting.next(waiting[AT_A_TIME:], 0.1)) == 2


def test_who_has_ended_or_has_no_port_takes_no_room() -> None:
    """A task that came to its end while it started makes room; one without ports never takes any."""
    starting, waiting = Starting(), tasks(2 * AT_A_TIME)
    starting.note(started(waiting[:AT_A_TIME]), 0.0)
    starting.note(started(waiting[:2], 1), 0.0)
    starting.note([ContainerExited(task_id="t1", container="web", exit_code=1)], 0.1)
    assert len(starting.next(waiting[AT_A_TIME:], 0.2)) == AT_A_TIME - 1


def test_who_shall_not_run_waits_for_nobody() -> None:
    """A task that was stopped while it waited is told so at once."""
    starting, stopped = Starting(), tasks(2, Phase.TERMINATE, first=900)
    starting.note(started(tasks(AT_A_TIME), 1), 0.0)
    assert starting.next([*tasks(1, first=800), *stopped], 0.1) == stopped


def test_a_clock_that_is_set_back_holds_nobody_up() -> None:
    """When the clock jumps back, those that started in the future have had their time."""
    starting = Starting()
    starting.note(started(tasks(AT_A_TIME), 1), 1000.0)
    assert len(starting.next(tasks(1, first=800), 10.0)) == 1
