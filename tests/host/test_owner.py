"""Who a process is, and what can be known of another one."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from teal.host.owner import life_of, this_process
from teal.model.lock import Life, Owner

needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="only Linux tells of processes in files")  # noqa: PTH110 - before any fixture
ME = this_process({})
KNOWN = replace(ME, machine="m", boot_id="b", pid_space="s", started="1")


def test_this_process_has_a_name() -> None:
    """A process knows its user, its host and its number; in CI also where its run can be read."""
    assert ME.pid == os.getpid()
    assert ME.user
    assert ME.host
    assert ME.ci_url == ""
    run = {"GITHUB_RUN_ID": "7", "GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "a/b"}
    assert this_process(run).ci_url == "https://git.example/a/b/actions/runs/7"
    assert this_process({"CI_JOB_URL": "https://ci.example/1"}).ci_url == "https://ci.example/1"
    assert this_process({"GITHUB_ACTOR": "ann"}).user == "ann"


@needs_proc
def test_a_process_that_lives_and_then_does_not() -> None:
    """A process of this boot lives until it ends, also before anybody has asked how; then it is dead."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        from teal.host.owner import _started  # noqa: PLC0415 - what it would write into its own record

        other = replace(ME, pid=child.pid, started=_started(child.pid) or "")
        assert life_of(other, ME) is Life.ALIVE
        assert life_of(replace(other, started="1"), ME) is Life.DEAD, "another process has its number now"
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert life_of(other, ME) is Life.DEAD, "it has ended, though nobody has asked how"
    assert life_of(other, ME) is Life.DEAD
    assert life_of(ME, ME) is Life.ALIVE


OTHERS: dict[str, tuple[Owner, Life]] = {
    "another boot of the same computer": (replace(KNOWN, boot_id="c"), Life.DEAD),
    "another boot, another name": (replace(KNOWN, boot_id="c", host="x"), Life.UNKNOWN),
    "another computer of the same name": (replace(KNOWN, boot_id="c", machine="n"), Life.UNKNOWN),
    "another boot of a computer without an id": (replace(KNOWN, boot_id="c", machine=""), Life.UNKNOWN),
    "a computer that does not tell its boot": (replace(KNOWN, boot_id=""), Life.UNKNOWN),
    "another container of the same boot": (replace(KNOWN, pid_space="t"), Life.UNKNOWN),
    "a container that does not tell": (replace(KNOWN, pid_space=""), Life.UNKNOWN),
    "a process without a start": (replace(KNOWN, started=""), Life.UNKNOWN),
}


@pytest.mark.parametrize(("other", "life"), OTHERS.values(), ids=OTHERS)
def test_what_is_known_of_others(other: Owner, life: Life) -> None:
    """Only another boot of this very computer, or a missing process of this boot, is a proof of death."""
    assert life_of(other, KNOWN) is life
