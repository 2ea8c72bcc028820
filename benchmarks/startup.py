"""How long a person waits: first output, `status` and `rollback`, side by side with the plain `aws` command.

All in one run on one lab, because machines are shared and noisy: compare the ratios. Each figure is the median.

    python -m benchmarks.startup --rounds 5
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from teal.app.rehearsal import Rehearsal, rehearsal
from teal.host.clock import SystemClock

TIME_SCALE = 0.01
COMMAND_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One command: seconds to its first output and to its end, memory in MB, its output."""

    first_s: float
    whole_s: float
    began_s: float
    memory_mb: float
    output: str


class Bench:
    """The commands, timed, in one lab."""

    def __init__(self, stage: Rehearsal) -> None:
        self.stage = stage
        self.clock = SystemClock()
        self.aws_command = shutil.which("aws", path=str(Path(sys.executable).parent)) or "aws"

    def timed(self, command: Sequence[str], variables: Mapping[str, str] | None = None) -> Timed:
        """Run a command; it must succeed."""
        began_s = self.clock.now_s()
        environment = {**self.stage.environ, **(variables or {})}
        process = subprocess.Popen(  # noqa: S603 - teal and aws, by full path
            command,
            cwd=self.stage.directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdout is not None  # noqa: S101 - it was asked for
        with process.stdout as pipe:
            first = os.read(pipe.fileno(), 65536)
            first_s = self.clock.now_s() - began_s
            rest = pipe.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output = (first + rest).decode()
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{output}")
        whole_s = self.clock.now_s() - began_s
        return Timed(first_s=first_s, whole_s=whole_s, began_s=began_s, memory_mb=usage.ru_maxrss / 1024, output=output)

    def teal(self, *words: str, **variables: str) -> Timed:
        """Run teal."""
        return self.timed([sys.executable, "-m", "teal", *words], variables)

    def aws(self, *words: str) -> Timed:
        """Run the plain `aws` command."""
        return self.timed([self.aws_command, *words])

    def accepted_s(self, began_s: float) -> float:
        """Return how long after its start the last command's last forward write was accepted."""
        lines = self.teal("history", "-o", "jsonl", "--runs", "1").output.splitlines()
        events: list[dict[str, Any]] = [json.loads(line) for line in lines if line.startswith("{")]
        writes = [e for e in events if e["event"] == "StepEnded" and e["step"]["kind"] == "WriteRoute"]
        return float(writes[-1]["at_s"]) - began_s


def play(bench: Bench, rounds: int) -> dict[str, dict[str, float]]:
    """Return the median figures."""
    bench.teal("deploy", "--yes", COLOUR="blue")
    bench.teal("deploy", "--yes", COLOUR="green")
    balancers = json.loads(bench.aws("elbv2", "describe-load-balancers", "--output", "json").output)
    balancer = balancers["LoadBalancers"][0]["LoadBalancerArn"]
    listeners = bench.aws("elbv2", "describe-listeners", "--load-balancer-arn", balancer, "--output", "json").output
    listener = json.loads(listeners)["Listeners"][0]["ListenerArn"]
    figures: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        figures.setdefault(name, []).append(value)

    for _ in range(rounds):
        note("teal --help, first output, s", bench.teal("--help").first_s)
        note("aws elbv2 describe-rules, s", bench.aws("elbv2", "describe-rules", "--listener-arn", listener).whole_s)
        status = bench.teal("status")
        note("teal status, first output, s", status.first_s)
        note("teal status, s", status.whole_s)
        note("teal status, memory, MB", status.memory_mb)
        back = bench.teal("rollback")
        note("teal rollback, first output, s", back.first_s)
        note("teal rollback, until the write is accepted, s", bench.accepted_s(back.began_s))
        note("teal rollback, s", back.whole_s)
        note("teal rollback, memory, MB", back.memory_mb)
        note("aws elbv2 modify-rule, s", _modify(bench, listener))
        bench.teal("flip", "--again", "--yes")
    return {name: {"median": round(median(values), 3)} for name, values in figures.items()}


def _modify(bench: Bench, listener: str) -> float:
    """Write the production rule's own actions back to it: the bare write, and nothing else."""
    rules = json.loads(bench.aws("elbv2", "describe-rules", "--listener-arn", listener, "--output", "json").output)
    rule = next(rule for rule in rules["Rules"] if rule["Priority"] == "20")
    actions = [{k: v for k, v in action.items() if k != "TargetGroupArn"} for action in rule["Actions"]]
    return bench.aws(
        "elbv2", "modify-rule", "--rule-arn", rule["RuleArn"], "--actions", json.dumps(actions)
    ).whole_s  # fmt: skip


def main() -> int:
    """Parse, play, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="teal-bench-") as name,
        rehearsal(Path(name), os.environ, name=f"start-{os.getpid()}", time_scale=TIME_SCALE) as stage,
    ):
        figures = play(Bench(stage), asked.rounds)
    status = figures["teal status, s"]["median"] / figures["aws elbv2 describe-rules, s"]["median"]
    accepted = figures["teal rollback, until the write is accepted, s"]["median"]
    ratios = {
        "teal status / aws elbv2 describe-rules": round(status, 2),
        "teal rollback, accepted / aws elbv2 modify-rule": round(
            accepted / figures["aws elbv2 modify-rule, s"]["median"], 2
        ),
    }
    print(json.dumps({"world": "lab", "rounds": asked.rounds, "figures": figures, "ratios": ratios}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
