"""Cookies that lead clients back: to their target, and to their group of a weighted forward."""

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from lab.proxy.stage import BALANCER, CHECK, Stage, group, host, target, until
from teal.lab.world.wires import Forward, ProxyGroup, ProxyRule, TargetStickiness

pytestmark = pytest.mark.lab
HOUR_S = 3600.0
PATIENT = replace(CHECK, unhealthy_count=10)  # so that a slow machine moves no client
SHARES = (("blue", 1), ("green", 1))


@dataclass(slots=True)
class Browser:
    """A client with a jar. It keeps what it is given, and shows it with every request."""

    port: int
    jar: dict[str, str] = field(default_factory=dict[str, str])
    given: list[str] = field(default_factory=list[str])

    def ask(self, path: str = "/", *, without: str = "") -> str:
        """Send a request; return the revision that answered, or the status when none did."""
        connection = HTTPConnection(BALANCER, self.port, timeout=10)
        try:
            shown = "; ".join(f"{name}={value}" for name, value in self.jar.items() if name != without)
            connection.request("GET", path, headers={"Cookie": shown} if shown else {})
            answer = connection.getresponse()
            answer.read()
            self.given = [value for name, value in answer.getheaders() if name.lower() == "set-cookie"]
            self.jar |= {each.partition("=")[0]: each.partition("=")[2].partition(";")[0] for each in self.given}
            return answer.getheader("X-Revision", str(answer.status))
        finally:
            connection.close()


@pytest.fixture
def shop(stage: Stage) -> Stage:
    """Two groups of two targets, all of them healthy; revisions 1 and 2 are blue, 3 and 4 green."""
    for i in range(1, 5):
        stage.app(host(i), REVISION=str(i))
    show(stage, Forward(shares=SHARES))
    until(lambda: stage.all_states(*["healthy"] * 4) and stage.settled(status=200), "healthy")
    return stage


def groups(*numbers: int) -> tuple[ProxyGroup, ...]:
    """Return both groups, with the targets of these numbers."""
    named = {n: target(f"t{n}", host(n), 8080) for n in numbers}
    return (
        group("blue", *(each for n, each in named.items() if n <= 2), check=PATIENT),
        group("green", *(each for n, each in named.items() if n > 2), check=PATIENT),
    )


def show(stage: Stage, action: Forward, among: tuple[ProxyGroup, ...] | None = None) -> None:
    """Forward everything in this way."""
    stage.show(among or groups(1, 2, 3, 4), ProxyRule(arn="default", conditions=(), action=action))


def clients(stage: Stage, count: int = 16) -> list[Browser]:
    """Return new clients that have asked once, through whichever node."""
    made = [Browser(port=stage.port) for _ in range(count)]
    for browser in made:
        browser.ask()
    return made


def sticks(stage: Stage, names: set[str]) -> bool:
    """Say whether new clients are given cookies of these names by all nodes."""
    return all(each.jar.keys() == names for each in clients(stage))


def led_to(stage: Stage, revision: str) -> Browser:
    """Return a new client that was led to this revision."""
    browser = Browser(port=stage.port)

    def led() -> bool:
        browser.jar.clear()
        return browser.ask() == revision

    until(led, f"led to {revision}")
    return browser


def stays(browser: Browser, answers: Mapping[str, str], times: int = 12) -> set[str]:
    """Return which of the named things answer a client again and again."""
    return {answers[browser.ask()] for _ in range(times)}


SAME = {str(n): str(n) for n in range(1, 5)}
COLOUR = {"1": "blue", "2": "blue", "3": "green", "4": "green"}


def test_a_group_sticks(shop: Stage) -> None:
    """A client stays with its group, whatever the weights; new clients follow the weights."""
    show(shop, Forward(shares=SHARES, sticky_s=HOUR_S))
    until(lambda: sticks(shop, {"AWSALBTG", "AWSALBTGCORS"}), "sticky")
    browsers = clients(shop)
    homes = [stays(browser, COLOUR) for browser in browsers]
    assert all(len(home) == 1 for home in homes)
    assert {"blue"} in homes
    assert {"green"} in homes
    show(shop, Forward(shares=(("blue", 0), ("green", 1)), sticky_s=HOUR_S))
    until(lambda: {COLOUR[Browser(port=shop.port).ask()] for _ in range(24)} == {"green"}, "new clients go to green")
    assert [stays(browser, COLOUR) for browser in browsers] == homes
    blue = browsers[homes.index({"blue"})]
    blue.jar = {"AWSALBTGCORS": blue.jar["AWSALBTGCORS"]}
    assert stays(blue, COLOUR) == {"blue"}
    show(shop, Forward(shares=(("green", 1),), sticky_s=HOUR_S))
    until(lambda: stays(blue, COLOUR) == {"green"}, "a group that is not in the rule is chosen anew")


def test_a_cookie_looks_as_on_aws(shop: Stage) -> None:
    """It expires after seven days in the browser, whatever its duration; its twin is for requests across sites."""
    show(shop, Forward(shares=SHARES, sticky_s=HOUR_S, sticky_targets=(("blue", TargetStickiness(duration_s=60)),)))
    browser = Browser(port=shop.port)

    def blue() -> bool:
        browser.jar.clear()  # so that it is led anywhere
        return browser.ask() in {"1", "2"} and len(browser.given) == 4

    until(blue, "blue and sticky")
    expires = r"Expires=\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"
    form = rf"(AWSALB(?:TG)?)(CORS)?=[^;, ]+; {expires}; Path=/(; SameSite=None)?"
    found = [re.fullmatch(form, given) for given in browser.given]
    assert [each and each.group(1, 2, 3) for each in found] == [
        ("AWSALBTG", None, None),
        ("AWSALBTG", "CORS", "; SameSite=None"),
        ("AWSALB", None, None),
        ("AWSALB", "CORS", "; SameSite=None"),
    ]
    assert not [name for name in shop.echo(Cookie=browser.given[0]) if name.startswith("x-teal")]
    assert not [name for name in shop.ask().headers if name.startswith("x-teal")]


def test_a_target_sticks(shop: Stage) -> None:
    """A client stays with its target until that is gone or unhealthy; then it gets another one, and stays there."""
    sticky = Forward(shares=(("blue", 1),), sticky_targets=(("blue", TargetStickiness(duration_s=HOUR_S)),))
    show(shop, sticky)
    until(lambda: sticks(shop, {"AWSALB", "AWSALBCORS"}), "sticky")
    one, other = led_to(shop, "1"), led_to(shop, "2")
    assert [stays(browser, SAME) for browser in (one, other)] == [{"1"}, {"2"}]
    show(shop, sticky, groups(2, 3, 4))
    until(lambda: stays(one, SAME) == {"2"}, "its target is gone")
    show(shop, sticky)
    until(lambda: shop.all_states(*["healthy"] * 4), "it is back")
    assert stays(one, SAME) == {"2"}
    shop.apps[1].kill()
    until(lambda: shop.states["t2"].state == "unhealthy", "unhealthy")
    until(lambda: stays(other, {**SAME, "502": "502"}) == {"1"}, "its target is unhealthy")


def test_a_cookie_ends(shop: Stage) -> None:
    """A cookie whose time is over says nothing, though the client still shows it."""
    show(shop, Forward(shares=SHARES, sticky_s=HOUR_S))
    until(lambda: sticks(shop, {"AWSALBTG", "AWSALBTGCORS"}), "sticky")
    browser = Browser(port=shop.port)
    colour = COLOUR[browser.ask()]
    value = browser.jar["AWSALBTG"]
    past = {"AWSALBTG": "1000." + value.partition(".")[2], "AWSALBTGCORS": "nonsense"}
    seen = {COLOUR[Browser(port=shop.port, jar=dict(past)).ask()] for _ in range(40)}
    assert seen == {"blue", "green"}
    assert {COLOUR[Browser(port=shop.port, jar={"AWSALBTG": value}).ask()] for _ in range(12)} == {colour}


class Login(BaseHTTPRequestHandler):
    """An app that gives its own cookie at /login."""

    def do_GET(self) -> None:
        """Answer with the address as the revision."""
        self.send_response(200)
        self.send_header("X-Revision", self.connection.getsockname()[0].rpartition(".")[2])
        self.send_header("Content-Length", "0")
        if self.path == "/login":
            self.send_header("Set-Cookie", "session=abc; HttpOnly")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the class above
        """Say nothing."""


def test_the_cookie_of_an_app_sticks(stage: Stage) -> None:
    """The balancer's cookie follows the app's, is renewed with every answer, and is nothing without it."""
    with ExitStack() as stack:
        for number in (1, 2):
            server = stack.enter_context(ThreadingHTTPServer((host(number), 8080), Login))
            Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(server.shutdown)
        own = TargetStickiness(duration_s=HOUR_S, app_cookie="session")
        show(stage, Forward(shares=(("blue", 1),), sticky_targets=(("blue", own),)), groups(1, 2))
        until(lambda: stage.all_states("healthy", "healthy") and stage.settled(status=200), "healthy")
        assert all(browser.given == [] for browser in clients(stage))
        browser = Browser(port=stage.port)
        browser.ask("/login")
        assert browser.jar.keys() == {"session", "AWSALBAPP-0"}
        assert len(stays(browser, SAME)) == 1
        assert [given.partition("=")[0] for given in browser.given] == ["AWSALBAPP-0"]
        assert {browser.ask(without="session") for _ in range(24)} == {"1", "2"}
        assert stage.log == []
