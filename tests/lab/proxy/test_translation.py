"""Rules, conditions and actions as Envoy reads them. Python's `re` stands in for RE2 here."""

import re
from pathlib import Path

import pytest

from teal.errors import LabError
from teal.lab.proxy import Proxy
from teal.lab.proxy.actions import route_action
from teal.lab.proxy.clusters import cluster, cluster_name, endpoints, seconds
from teal.lab.proxy.conditions import SOURCE_HEADER, matchers
from teal.lab.proxy.listeners import routes
from teal.lab.proxy.patterns import cidr, wildcard
from teal.lab.proxy.standing import Standings
from teal.lab.world.wires import (
    Condition,
    DataPlane,
    FixedResponse,
    Forward,
    HealthCheck,
    ProxyGroup,
    ProxyListener,
    ProxyRule,
    ProxyTarget,
    Redirect,
)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("/a", "/a", True),
        ("/a", "/ab", False),
        ("/a*", "/a/b/c", True),
        ("/?", "/x", True),
        ("/?", "/", False),
        ("*.png", "a.png", True),
        ("*.png", "apng", False),
        (r"\*", "*", True),
        (r"\*", "x", False),
        (r"a\b", r"a\b", True),
        ("a+(b)|c", "a+(b)|c", True),
        ("", "", True),
    ],
)
def test_wildcard(pattern: str, text: str, *, matches: bool) -> None:
    """`*` is any text, `?` one character, everything else itself."""
    assert (re.fullmatch(wildcard(pattern), text) is not None) is matches


@pytest.mark.parametrize(
    ("block", "inside", "outside"),
    [
        ("10.0.0.0/8", "10.255.3.4", "11.0.0.1"),
        ("10.1.128.0/17", "10.1.200.9", "10.1.127.9"),
        ("192.168.1.7/32", "192.168.1.7", "192.168.1.77"),
        ("127.8.0.0/14", "127.11.0.1", "127.12.0.1"),
        ("0.0.0.0/0", "1.2.3.4", "1.2.3"),
    ],
)
def test_cidr(block: str, inside: str, outside: str) -> None:
    """A block matches the addresses in it."""
    expression = cidr(block) or ""
    assert re.fullmatch(expression, inside)
    assert not re.fullmatch(expression, outside)


def test_cidr_of_ipv6() -> None:
    """A block of IPv6 holds no client of the lab."""
    assert cidr("2001:db8::/32") is None


@pytest.mark.parametrize(
    ("condition", "header", "yes", "no"),
    [
        (Condition(field="host-header", values=("a.b", "*.c")), ":authority", "A.B:80", "xa.b"),
        (Condition(field="path-pattern", values=("/x",)), ":path", "/x?y", "/X"),
        (Condition(field="http-header", values=("v*",), header="X-H"), "x-h", "Value", "x"),
        (Condition(field="http-request-method", values=("GET", "PUT")), ":method", "PUT", "put"),
        (Condition(field="query-string", values=(), queries=(("k", "v"),)), ":path", "/?a&K=v&b", "/?k=vv"),
        (Condition(field="query-string", values=(), queries=(("", "v"),)), ":path", "/p?x=v", "/v"),
        (Condition(field="source-ip", values=("::/0", "1.0.0.0/8")), SOURCE_HEADER, "1.2.3.4", "2.2.3.4"),
    ],
)
def test_conditions(condition: Condition, header: str, yes: str, no: str) -> None:
    """Every condition is one expression on one header."""
    (matcher,) = matchers((condition,))
    expression = matcher["string_match"]["safe_regex"]["regex"]
    assert matcher["name"] == header
    assert re.fullmatch(expression, yes)
    assert not re.fullmatch(expression, no)


def test_unknown_condition() -> None:
    """A condition nobody knows is an error, not a rule that matches everything."""
    with pytest.raises(LabError, match="moon-phase"):
        matchers((Condition(field="moon-phase", values=("full",)),))


MOON = Condition(field="moon-phase", values=("full",))
CHECK = HealthCheck(
    protocol="HTTP",
    port=None,
    path="/",
    interval_s=1.0,
    timeout_s=1.0,
    healthy_count=2,
    unhealthy_count=2,
    codes=((200, 200),),
)


def listening(*conditions: Condition, host: str = "127.0.0.1") -> DataPlane:
    """Return a plane with one rule."""
    rule = ProxyRule(arn="r", conditions=conditions, action=Forward(shares=()))
    return DataPlane(listeners=(ProxyListener(arn="l", host=host, port=1, idle_timeout_s=1, rules=(rule,)),), groups=())


def dialling(host: str) -> DataPlane:
    """Return a plane with one target."""
    target = ProxyTarget(target_id="10.7.0.4", port=80, host=host, host_port=80)
    return DataPlane(listeners=(), groups=(ProxyGroup(arn="g", name="g", health_check=CHECK, targets=(target,)),))


@pytest.mark.parametrize(
    ("plane", "part"),
    [
        (listening(MOON), "moon-phase"),
        (listening(host="192.0.2.7"), "loopback alone, and not 192.0.2.7"),
        (dialling("192.0.2.1"), "loopback alone, and not 192.0.2.1"),
    ],
)
def test_a_plane_is_refused_whole(plane: DataPlane, part: str, tmp_path: Path) -> None:
    """A plane that cannot be translated, or that leaves loopback, is refused before any node takes it up."""
    proxy = Proxy(
        directory=tmp_path,
        envoy=tmp_path,
        nodes=0,
        delays_s=(0.0, 0.0),
        seed=0,
        log=lambda _: None,
        on_start=lambda _: None,
    )
    with pytest.raises(LabError, match=part):
        proxy.apply(plane, 0.0)
    proxy.stop()


def test_no_header_of_the_labs_own_reaches_an_app() -> None:
    """What rules need to see, and what Envoy notes about a client, is taken out before a request leaves."""
    wanted = ProxyListener(arn="l", host="127.0.0.1", port=1, idle_timeout_s=1, rules=())
    removed = routes(wanted)["request_headers_to_remove"]
    assert sorted(removed) == ["x-envoy-external-address", "x-envoy-internal", SOURCE_HEADER]


def test_forward() -> None:
    """Shares without weight are left out; without any share the answer is 503."""
    route = route_action(Forward(shares=(("a", 9), ("b", 0), ("c", 1))))["route"]
    assert [(one["name"], one["weight"]) for one in route["weighted_clusters"]["clusters"]] == [
        (cluster_name("a"), 9),
        (cluster_name("c"), 1),
    ]
    assert route_action(Forward(shares=(("a", 0),)))["route"]["cluster"] == "no-group"
    assert route_action(Forward(shares=()))["route"]["cluster"] == "no-group"


def test_fixed_response() -> None:
    """A fixed response without a body has no content type."""
    assert route_action(FixedResponse(status=204, content_type="", body="")) == {"direct_response": {"status": 204}}
    answer = route_action(FixedResponse(status=200, content_type="", body="hi"))
    assert answer["response_headers_to_add"][0]["header"]["value"] == "text/plain"


def test_redirect() -> None:
    """Envoy's redirect names only what changes."""
    kept = Redirect(status=302, protocol="HTTPS", host="#{host}", port="443", path="/#{path}", query="#{query}")
    assert route_action(kept) == {
        "redirect": {"response_code": "FOUND", "scheme_redirect": "https", "port_redirect": 443}
    }


def test_cluster() -> None:
    """Thresholds, codes and the health port are the group's."""
    check = HealthCheck(
        protocol="HTTP",
        port=9,
        path="/h",
        interval_s=0.5,
        timeout_s=0.0001,
        healthy_count=5,
        unhealthy_count=2,
        codes=((200, 200), (301, 302)),
    )
    target = ProxyTarget(target_id="10.0.0.1", port=80, host="127.0.0.1", host_port=8080)
    group = ProxyGroup(arn="a", name="a", health_check=check, targets=(target,))
    (made,) = cluster(group, "file.json")["health_checks"]
    assert (made["interval"], made["timeout"]) == ("0.500s", "0.001s")
    assert (made["healthy_threshold"], made["unhealthy_threshold"]) == (5, 2)
    assert made["http_health_check"]["expected_statuses"] == [{"start": 200, "end": 201}, {"start": 301, "end": 303}]
    (host,) = endpoints(group, Standings())["endpoints"][0]["lb_endpoints"]
    assert host["endpoint"]["health_check_config"] == {"port_value": 9}
    assert seconds(60) == "60.000s"
