"""Two machines, as far as state directories make them so, with one lock store: the journal is read from both."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from e2e_stage import Play, played
from moto_server import moto
from teal.aws.client import BotocoreCaller

pytestmark = pytest.mark.lab
RUN_DEADLINE_S = 240
STORES = ("s3://team-state/teal", "dynamodb://teal-locks")
TABLE = {
    "TableName": "teal-locks",
    "AttributeDefinitions": [{"AttributeName": "LockID", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "LockID", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def _teal(play: Play, *words: str, environ: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "teal", *words],
        cwd=play.stage.directory,
        env={**play.stage.environ, **environ},
        capture_output=True,
        text=True,
        timeout=RUN_DEADLINE_S,
        check=False,
    )


def test_a_colleague_reads_the_journal(tmp_path: Path) -> None:
    """Runs of one machine are told on another one, by each store; with the store down, each tells what it knows."""
    with played(tmp_path) as play, moto() as url:
        caller = BotocoreCaller(region="eu-west-1", endpoint_url=url)
        where = {"LocationConstraint": "eu-west-1"}
        caller.call("s3", "CreateBucket", {"Bucket": "team-state", "CreateBucketConfiguration": where})
        caller.call("dynamodb", "CreateTable", TABLE)
        up = {"AWS_ENDPOINT_URL_S3": url, "AWS_ENDPOINT_URL_DYNAMODB": url}
        down = dict.fromkeys(up, "http://127.0.0.1:9")
        ann, bob = ({"XDG_STATE_HOME": str(tmp_path / name)} for name in ("ann", "bob"))
        for number, store in enumerate(STORES):
            at = ("--set", f"lock.store={store}")
            done = _teal(play, *(("deploy", "flip")[number], "--yes", *at), environ={**ann, **up})
            assert (done.returncode, "the journal" in done.stderr) == (0, False), done.stderr
            told = _teal(play, "history", "-o", "jsonl", *at, environ={**bob, **up})
            assert told.returncode == 0, told.stderr
            lines = [json.loads(line) for line in told.stdout.splitlines()]
            own = next((tmp_path / "ann").rglob("*.jsonl")).read_text("utf-8").splitlines()
            assert (lines[0]["event"], lines[-1]["event"]) == ("RunStarted", "RunEnded")
            assert lines == [json.loads(line) for line in own[-len(lines) :]]
            told = _teal(play, "history", "-o", "jsonl", *at, environ={**bob, **down})
            assert (told.returncode, told.stdout) == (0, "")
            assert "the shared journal cannot be read" in told.stderr
