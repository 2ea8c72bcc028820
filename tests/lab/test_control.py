"""Labs come up, answer any client of AWS, live side by side, and leave nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import psutil
import pytest
from botocore.session import Session

from teal.errors import LabError
from teal.lab import control, state, steering
from teal.lab.control import LabOptions, LabStatus

pytestmark = pytest.mark.lab
IMAGES = "images: {'idle:*': [sleep, '1000']}\ntime_scale: 0.05\n"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """Return a place for labs; end those that are left."""
    (tmp_path / "lab.yaml").write_text(IMAGES)
    yield tmp_path
    for each in tmp_path.iterdir():
        control.down(tmp_path, each.name)  # also what is left of one that was killed


def up(root: Path, name: str = "lab") -> LabStatus:
    """Bring a lab up on any free port."""
    return control.up(LabOptions(root=root, name=name, port=0, config=root / "lab.yaml"))


def client(lab: LabStatus, service: str) -> Any:  # noqa: ANN401 - botocore has no types
    """Return an unmodified botocore client of a lab."""
    given = control.environment(lab)
    session = Session()
    session.set_credentials(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"])
    return session.create_client(service, given["AWS_REGION"], endpoint_url=given["AWS_ENDPOINT_URL"])


def family(lab: LabStatus) -> list[int]:
    """Return the processes that have the lab's directory on their command line or in their environment."""
    found: list[int] = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except (psutil.Error, OSError):
            continue
        if any(str(lab.directory) in word or lab.url in word for word in words):
            found.append(process.pid)
    return found


def run_task(lab: LabStatus, image: str) -> str:
    """Run one task of an image; return its ARN."""
    ecs = client(lab, "ecs")
    ecs.create_cluster(clusterName="demo")
    ecs.register_task_definition(
        family="one",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "web", "image": image}],
    )
    network = {"awsvpcConfiguration": {"subnets": ["subnet-a"]}}
    started = ecs.run_task(cluster="demo", taskDefinition="one", launchType="FARGATE", networkConfiguration=network)
    return str(started["tasks"][0]["taskArn"])


def last_status(lab: LabStatus, task: str, wanted: str) -> dict[str, Any]:
    """Wait until a task has a status."""
    ecs = client(lab, "ecs")
    deadline_s = time.monotonic() + 10.0
    while True:
        (found,) = ecs.describe_tasks(cluster="demo", tasks=[task])["tasks"]
        if found["lastStatus"] == wanted:
            return dict(found)
        assert time.monotonic() < deadline_s, found
        time.sleep(0.05)  # noqa: TID251 - a test of real processes


def descendants(lab: LabStatus) -> list[int]:
    """Return the processes that a lab has started, its leash among them."""
    return [process.pid for process in psutil.Process(lab.pid).children(recursive=True)]


def alive(pid: int) -> bool:
    """Say whether a process lives; a zombie does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def all_gone(pids: list[int]) -> bool:
    """Wait until none of some processes lives."""
    deadline_s = time.monotonic() + 10.0
    while any(alive(pid) for pid in pids):
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.02)  # noqa: TID251 - a test of real processes
    return True


def nothing_left(lab: LabStatus, started: list[int]) -> bool:
    """Wait until no process of a lab is left."""
    deadline_s = time.monotonic() + 10.0
    while family(lab) or any(alive(pid) for pid in started):
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.05)  # noqa: TID251 - a test of real processes
    return True


def test_the_life_of_a_lab(root: Path) -> None:
    """Up, a task that runs and one that cannot, status, events, down: and no process is left."""
    lab = up(root)
    assert lab.time_scale == 0.05
    assert lab.troubles == {}
    task = run_task(lab, "idle:1")
    last_status(lab, task, "RUNNING")
    assert control.status(root, "lab") is not None
    failed = last_status(lab, run_task(lab, "unknown:1"), "STOPPED")
    assert "CannotPullContainerError" in failed["stoppedReason"]
    told = steering.events(root, "lab", 0)
    assert told.first == 0
    assert told.next == len(told.events) > 5
    assert steering.events(root, "lab", told.next).events == ()
    started = descendants(lab)
    assert len(started) >= 4  # two Envoys, a leash, a task
    assert control.down(root, "lab")
    assert nothing_left(lab, started)
    assert control.status(root, "lab") is None
    assert not control.down(root, "lab")
    assert not (lab.directory / "state.json").exists()


def test_a_lab_has_one_heap(root: Path) -> None:
    """The daemon is told to keep one heap for all its threads; how tasks keep theirs is their own affair."""
    lab = up(root)
    last_status(lab, run_task(lab, "idle:1"), "RUNNING")
    daemon = psutil.Process(lab.pid)
    (task,) = (child for child in daemon.children() if "sleep" in child.cmdline())
    assert [each.environ().get("MALLOC_ARENA_MAX") for each in (daemon, task)] == ["1", None]


def test_a_killed_lab_leaves_nothing(root: Path) -> None:
    """Kill -9 takes the tasks and the load balancer with it; what is on disk is seen to be stale."""
    lab = up(root)
    last_status(lab, run_task(lab, "idle:1"), "RUNNING")
    started = descendants(lab)
    os.kill(lab.pid, signal.SIGKILL)
    assert nothing_left(lab, started)
    assert control.status(root, "lab") is None
    assert control.labs(root) == ()
    assert up(root).pid != lab.pid


@pytest.mark.parametrize("after", ["up", "down"])
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the environment of a process")
def test_nothing_is_left_of_a_lab_killed_with_its_leash(root: Path, after: str) -> None:
    """Kill -9 of both at once leaves processes; the next `up` or `down` clears them away, and no other lab's."""
    other = up(root, "other")
    last_status(other, run_task(other, "idle:1"), "RUNNING")
    others = descendants(other)
    lab = up(root)
    last_status(lab, run_task(lab, "idle:1"), "RUNNING")
    started = descendants(lab)
    leash = next(pid for pid in started if "leash.py" in " ".join(psutil.Process(pid).cmdline()))
    for pid in (leash, lab.pid):
        os.kill(pid, signal.SIGSTOP)  # neither may act before both are dead
    for pid in (leash, lab.pid):
        os.kill(pid, signal.SIGKILL)
    assert all_gone([leash, lab.pid])
    left = [pid for pid in started if pid != leash]
    assert len(left) >= 3
    assert all(alive(pid) for pid in left)
    assert control.status(root, "lab") is None
    if after == "up":
        assert up(root).pid != lab.pid
        assert not any(alive(pid) for pid in left)
    else:
        assert control.down(root, "lab")
        assert nothing_left(lab, left)
        assert not control.down(root, "lab")
    assert not (lab.directory / "proxy").exists() or after == "up"
    assert all(alive(pid) for pid in others)


def test_a_lab_that_ends_while_it_is_asked_is_no_lab(root: Path) -> None:
    """A killed process takes connections until its last thread has gone: that is no lab, and not one that is silent."""
    directory = root / "lab"
    directory.mkdir()
    held = state.hold(directory)
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = {"name": "lab", "pid": os.getpid(), "port": server.getsockname()[1], "token": "t", "region": "r"}
        rest = {"network": 9, "time_scale": 1.0, "low_port_offset": 0, "started_at_s": 0.0, "versions": {}}
        state.write_state(directory, msgspec.convert({**there, **rest}, state.State))

        def end() -> None:
            server.accept()[0].close()
            os.close(held)

        ending = Thread(target=end)
        ending.start()
        assert control.status(root, "lab") is None
        ending.join(10)


def test_a_lab_whose_leash_is_killed_ends_itself(root: Path) -> None:
    """Without a leash there is no lab: it ends in order, and says so in its log."""
    lab = up(root)
    last_status(lab, run_task(lab, "idle:1"), "RUNNING")
    started = descendants(lab)
    os.kill(next(pid for pid in started if "leash.py" in " ".join(psutil.Process(pid).cmdline())), signal.SIGKILL)
    assert nothing_left(lab, [lab.pid, *started])
    assert "the leash is gone" in lab.log.read_text()
    assert control.status(root, "lab") is None


def test_labs_live_side_by_side(root: Path) -> None:
    """Each has its own port, its own network and its own clusters."""
    one, two = up(root, "one"), up(root, "two")
    assert control.labs(root) == ("one", "two")
    assert one.network != two.network
    client(one, "ecs").create_cluster(clusterName="demo")
    assert client(two, "ecs").list_clusters()["clusterArns"] == []
    with pytest.raises(LabError, match="up already"):
        up(root, "one")
    assert control.down(root, "one")
    assert control.labs(root) == ("two",)


def test_a_taken_port(root: Path) -> None:
    """A port that somebody has is named, with the way to find out who, and nothing of the lab is left."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        with pytest.raises(LabError, match=str(port)) as error:
            control.up(LabOptions(root=root, port=port))
    assert f"lsof -i :{port}" in error.value.hint
    assert "--port" in error.value.hint
    assert control.labs(root) == ()


def test_the_aws_command(root: Path) -> None:
    """The plain `aws` command is served, its environment coming from the lab."""
    lab = up(root)
    command = [str(Path(sys.executable).parent / "aws"), "ecs", "create-cluster", "--cluster-name", "demo"]
    environment = {**control.environment(lab), "PATH": os.defpath, "AWS_PAGER": "", "HOME": str(root)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert '"clusterName": "demo"' in done.stdout


def test_a_lab_that_hangs_is_ended_by_force(root: Path) -> None:
    """`status` says that it does not answer; `down` ends it all the same."""
    lab = up(root)
    started = descendants(lab)
    os.kill(lab.pid, signal.SIGSTOP)
    with pytest.raises(LabError, match="does not answer"):
        control.status(root, "lab")
    assert control.down(root, "lab")
    assert nothing_left(lab, started)


def test_without_envoy_there_is_no_lab(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the daemon says when it cannot start is what the caller reads, at once."""
    monkeypatch.setenv("TEAL_ENVOY", "/no/such/envoy")
    began_s = time.monotonic()
    with pytest.raises(LabError, match="/no/such/envoy") as error:
        up(root)
    assert "TEAL_ENVOY" in error.value.hint
    assert time.monotonic() - began_s < 10.0
    assert control.labs(root) == ()


def test_events_of_no_lab(root: Path) -> None:
    """Where there is no lab there are no events, and the error says how to get one."""
    with pytest.raises(LabError, match="no lab 'none'"):
        steering.events(root, "none", 0)
    assert "AWS_PROFILE" in control.unset()
