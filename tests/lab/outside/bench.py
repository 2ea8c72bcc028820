"""The benchmarks as tests run them: smaller, and the same code."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def benchmark(name: str, *words: str, within_s: float) -> tuple[int, dict[str, Any]]:
    """Run a benchmark to its end; return its exit code and its figures."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=within_s, check=False)
    assert done.stdout, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, figures
