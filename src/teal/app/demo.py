"""The demo: a whole rehearsal on this machine, with real processes, a real load balancer and live traffic.

Everything is done by the same `teal` commands that a person types, each a process of its own; the demo only sets the
scene, keeps the traffic going, and counts.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from teal.app.rehearsal import Rehearsal, rehearsal
from teal.app.traffic import Traffic
from teal.host.clock import SystemClock
from teal.host.probe import HttpProber
from teal.ports import Request

Say = Callable[[str], None]

TIME_SCALE = 0.04
RATE_PER_S = 250
SLOW_PER_S = 1.0
LOAD_LIMIT_S = 600
COMMAND_TIMEOUT_S = 180
SCALED = f"a minute of AWS takes {60 * TIME_SCALE:.1f} s here"
PASSED_OVER = re.compile(r"plan: | {2,}\d+\. |\[step \d+\] ok|deploy |flip |rollback |back: ")
STAMP = re.compile(r"^\S+Z (\+\S+ s) ")


@dataclass(slots=True)
class Ended:
    """How a command ended."""

    exit_code: int
    took_s: float
    began_s: float
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


@dataclass(slots=True)
class Demo:
    """One demo: its lab, what went wrong, and what was measured."""

    say: Say
    play: Rehearsal
    clock: SystemClock
    problems: list[str] = field(default_factory=list[str])
    figures: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def expect(self, holds: bool, claim: str) -> None:  # noqa: FBT001 - a claim either holds or not
        """Note a claim that does not hold."""
        if not holds:
            self.problems.append(claim)
            self.say(f"  ✗ {claim}")

    def teal(self, *words: str, exit_code: int = 0, **variables: str) -> Ended:
        """Run one `teal` command as a person would, and show what it says."""
        self.say(f"\n$ {' '.join([*(f'{k}={v}' for k, v in variables.items()), 'teal', *words])}")
        command = [sys.executable, "-m", "teal", *words, "--yes"]
        began_s = self.clock.now_s()
        done = subprocess.run(  # noqa: S603 - teal itself, in this interpreter
            command,
            cwd=self.play.directory,
            env={**self.play.environ, **variables},
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        took_s = self.clock.now_s() - began_s
        for line in (done.stderr + done.stdout).splitlines():
            short = STAMP.sub(r"\1 ", line)
            if not PASSED_OVER.match(STAMP.sub("", line)):
                self.say(f"  {short}")
        self.expect(
            done.returncode == exit_code, f"`teal {words[0]}` ended with {done.returncode}, expected {exit_code}"
        )
        return Ended(exit_code=done.returncode, took_s=took_s, began_s=began_s, events=self._events())

    def ask(self, *words: str) -> str:
        """Return what a `teal` command prints that only looks; it is not shown."""
        done = subprocess.run(  # noqa: S603 - teal itself, in this interpreter
            [sys.executable, "-m", "teal", *words],
            cwd=self.play.directory,
            env=dict(self.play.environ),
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        self.expect(done.returncode == 0, f"`teal {words[0]}` ended with {done.returncode}: {done.stderr[-300:]}")
        return done.stdout

    def _events(self) -> list[dict[str, Any]]:
        """Return the journal of the last command."""
        lines = self.ask("history", "-o", "jsonl", "--runs", "1").splitlines()
        return [json.loads(line) for line in lines]


def run(say: Say, environ: Mapping[str, str], *, keep: bool = False) -> int:
    """Run the demo; return 0 only when nothing failed.

    Args:
        say: shows a line.
        environ: the environment of the process.
        keep: leave the lab and the demo's directory, and say what to try next.
    """
    directory = Path.cwd() / "teal-demo" if keep else Path(tempfile.mkdtemp(prefix="teal-demo-"))
    directory.mkdir(exist_ok=True)
    clock = SystemClock()
    began_s = clock.now_s()
    say(f"# a lab on this machine: an AWS API, two Envoys as the load balancer, tasks as processes; {SCALED}")
    try:
        with rehearsal(directory, environ, name=f"demo-{os.getpid()}", time_scale=TIME_SCALE, keep=keep) as play:
            demo = Demo(say=say, play=play, clock=clock)
            _play(demo, began_s)
            if keep:
                _what_next(demo)
    finally:
        clock.close()
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)
    return 0 if not demo.problems else 1


def _play(demo: Demo, began_s: float) -> None:
    first = demo.teal("deploy")
    demo.say(f"\n# live traffic from here on: {RATE_PER_S} requests/s, kept and new connections, some that take 5 s")
    traffic = Traffic(demo.play.url, rate_per_s=RATE_PER_S, duration_s=LOAD_LIMIT_S, slow_per_s=SLOW_PER_S)
    try:
        _acts(demo, traffic)
        counted = traffic.stop()
    finally:
        traffic.kill()
    demo.figures.insert(0, ("first deployment", f"{first.took_s:.1f} s"))
    _sum_up(demo, counted, demo.clock.now_s() - began_s)


def _acts(demo: Demo, traffic: Traffic) -> None:
    held = demo.teal("deploy", "--hold", COLOUR="green")
    demo.figures.append(("second revision, built and tasted", f"{held.took_s:.1f} s"))
    _taste(demo, traffic)
    flipped = demo.teal("flip")
    _last_answer(demo, traffic, flipped, of="1", name="flip", what="last request that blue answered")
    back = demo.teal("rollback")
    _last_answer(demo, traffic, back, of="2", name="rollback", what="last request that green answered")
    demo.say("\n# again forward: what was rolled back is tasted anew before it gets traffic")
    demo.teal("flip", "--again")
    demo.say("\n# a revision that cannot start")
    demo.teal("deploy", exit_code=4, COLOUR="red", FAIL="crash")
    demo.say("\n# a revision that is healthy, and answers every request with an error")
    demo.teal("deploy", exit_code=4, COLOUR="red", FAIL="errors")
    seen = set(traffic.slots())
    demo.expect(seen == {"1", "2"}, f"production was answered by revisions {sorted(seen)}, expected 1 and 2 alone")


def _taste(demo: Demo, traffic: Traffic) -> None:
    """Ask green in secret, and show that production does not know it."""
    described = json.loads(demo.ask("taste", "--show-secret", "-o", "json"))
    demo.say("\n$ teal taste --show-secret   # and ten requests with the secret header")
    tastes = {taste["slot"]: taste for taste in described["slots"]}
    green = tastes["b"]
    said = [_ask(demo, green["url"], green["header"], green["secret"]) for _ in range(10)]
    demo.clock.sleep(1.1)  # the load client counts once a second
    production = {name: slot["count"] for name, slot in traffic.slots().items()}
    demo.say(f"  in secret, slot b answers: {', '.join(sorted(set(said)))}")
    demo.say(f"  production meanwhile sees: {', '.join(f'revision {k} ({v} answers)' for k, v in production.items())}")
    demo.expect(set(said) == {"revision 2"}, f"the taste route answered {said}")
    demo.expect(set(production) == {"1"}, f"production saw {production} while green was held")


def _ask(demo: Demo, url: str, header: str, secret: str) -> str:
    address, _, rest = url.removeprefix("http://").partition(":")
    port, _, path = rest.partition("/")
    headers = {header: secret}
    request = Request(
        address=address, port=int(port), tls=False, host=address, path=f"/{path}", headers=headers, timeout_s=10.0
    )
    return f"revision {HttpProber(demo.clock).ask(request).headers.get('x-revision', 'none')}"


def _last_answer(demo: Demo, traffic: Traffic, ended: Ended, *, of: str, name: str, what: str) -> None:
    """Note how long after the last forward write the slot that lost the traffic still got requests."""
    writes = [
        event
        for event in ended.events
        if event["event"] == "StepEnded" and event["step"]["kind"] == "WriteRoute"
    ]  # fmt: skip
    demo.expect(bool(writes), f"`teal {name}` wrote no route")
    demo.clock.sleep(2.2)  # the load client counts once a second
    if not writes or of not in traffic.slots():
        return
    accepted_s = writes[-1]["at_s"]
    last_s = traffic.slots()[of]["last_sent_at_s"]
    demo.figures.append((f"{name}, from Enter to the write accepted", f"{accepted_s - ended.began_s:.2f} s"))
    demo.figures.append((f"{name}, from the write accepted to the {what}", f"{max(last_s - accepted_s, 0.0):.2f} s"))
    demo.figures.append((f"{name}, whole command", f"{ended.took_s:.1f} s"))


def _sum_up(demo: Demo, counted: Mapping[str, Any], took_s: float) -> None:
    demo.expect(counted.get("failed") == 0, f"{counted.get('failed')} requests failed: {counted.get('failures')}")
    demo.expect(counted.get("answered") == counted.get("sent"), "some requests were not answered")
    for example in counted.get("examples", []):
        demo.say(f"  failed: {example}")
    slots: Mapping[str, Mapping[str, Any]] = counted.get("slots", {})
    by = ", ".join(f"revision {name}: {slot['count']}" for name, slot in sorted(slots.items()))
    demo.say("\n# summary")
    demo.say(f"  {counted.get('sent', 0)} requests, {counted.get('failed', 0)} failed ({by})")
    for name, figure in demo.figures:
        demo.say(f"  {name}: {figure}")
    demo.say(f"  the whole demo: {took_s:.0f} s")
    demo.say("  nothing failed" if not demo.problems else f"  FAILED: {'; '.join(demo.problems)}")


def _what_next(demo: Demo) -> None:
    play = demo.play
    demo.say("\n# the lab still runs; try this next:")
    demo.say(f"  cd {play.directory}")
    demo.say(f'  eval "$(teal lab env --name {play.name})"')
    for line in ("teal status", "teal rollback", f"teal lab load {play.url}", f"teal lab down --name {play.name}"):
        demo.say(f"  {line}")
