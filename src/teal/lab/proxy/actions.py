"""Rule actions as Envoy route actions.

A redirect is a template: `#{host}`, `#{path}` and so on stand for the parts of the request. Envoy's own redirect keeps
every part that it does not name, so a part that is its own placeholder is left out. Where that does not reach (a query
of its own beside a kept path, a host with a placeholder inside) the `Location` is formatted here.

Differences from AWS: a query that mixes `#{query}` with other text is passed on as it came, and a formatted `Location`
that keeps the host keeps its port too.
"""

import re
from typing import Any, assert_never

from teal.lab.proxy.clusters import cluster_name
from teal.lab.proxy.stickiness import is_sticky, told_group
from teal.lab.world.wires import FixedResponse, Forward, Redirect

_REDIRECTS = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}
_UNCHANGED_PATHS = ("", "/#{path}")


def route_action(action: Forward | FixedResponse | Redirect) -> dict[str, Any]:
    """Return the part of a route that says what to do with a request."""
    match action:
        case Forward():
            return _forward(action)
        case FixedResponse():
            return _fixed(action)
        case Redirect():
            return _formatted(action) if _needs_location(action) else {"redirect": _redirect(action)}
        case _:
            assert_never(action)


def _forward(action: Forward) -> dict[str, Any]:
    told = is_sticky(action)
    shares = [
        {"name": cluster_name(arn), "weight": weight} | ({"response_headers_to_add": told_group(arn)} if told else {})
        for arn, weight in action.shares
        if weight > 0
    ]
    if not shares:
        # A cluster that nobody has defined: Envoy answers 503 itself, as a load balancer without targets does.
        return {"route": {"cluster": "no-group", "timeout": "0s"}}
    return {"route": {"weighted_clusters": {"clusters": shares}, "timeout": "0s"}}


def _fixed(action: FixedResponse) -> dict[str, Any]:
    kind = {"key": "Content-Type", "value": (action.content_type or "text/plain").replace("%", "%%")}
    answer: dict[str, Any] = {"status": action.status}
    if not action.body:
        return {"direct_response": answer}
    return {
        "direct_response": answer | {"body": {"inline_string": action.body}},
        "response_headers_to_add": [{"header": kind, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}],
    }


def _formatted(action: Redirect) -> dict[str, Any]:
    location = {"key": "Location", "value": _location(action)}
    return {
        "direct_response": {"status": action.status},
        "response_headers_to_add": [{"header": location, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}],
    }


def _redirect(action: Redirect) -> dict[str, Any]:
    """Return Envoy's redirect for AWS's template."""
    parts: dict[str, Any] = {"response_code": _REDIRECTS.get(action.status, "FOUND")}
    if action.protocol not in {"", "#{protocol}"}:
        parts["scheme_redirect"] = action.protocol.lower()
    if action.host not in {"", "#{host}"}:
        parts["host_redirect"] = action.host
    if action.port not in {"", "#{port}"}:
        parts["port_redirect"] = int(action.port)
    return parts | _redirect_path(action)


def _redirect_path(action: Redirect) -> dict[str, Any]:
    if action.query and not _keeps_query(action):
        return {"path_redirect": f"{action.path}?{action.query}"}  # a path with a query drops the one of the request
    drops: dict[str, Any] = {} if action.query else {"strip_query": True}
    if action.path in _UNCHANGED_PATHS:
        return drops
    if "#{" not in action.path:
        return {"path_redirect": action.path} | drops
    return {"regex_rewrite": {"pattern": {"regex": "^/(.*)$"}, "substitution": _substitution(action.path)}} | drops


def _keeps_query(action: Redirect) -> bool:
    return "#{query}" in action.query


def _substitution(template: str) -> str:
    r"""Return a template as the substitution of a rewrite whose group `\1` is the path without its first slash."""
    escaped = template.replace("\\", "\\\\").replace("#{path}", r"\1")
    return re.sub(r"#\{\w+\}", "", escaped)


def _needs_location(action: Redirect) -> bool:
    """Say whether Envoy's own redirect cannot do it."""
    own_query = bool(action.query) and not _keeps_query(action)
    kept_path = action.path == "" or "#{" in action.path
    return (own_query and kept_path) or ("#{" in action.host and action.host != "#{host}")


def _location(action: Redirect) -> str:
    """Return the format of a `Location`."""
    host, path = (text.replace("%", "%%") for text in (action.host or "#{host}", action.path or "/#{path}"))
    literal_port = action.port if "#{" not in f"{host}{action.port}" else ""
    scheme = "http" if "#{" in action.protocol else (action.protocol.lower() or "http")
    where = host.replace("#{host}", "%REQ(:AUTHORITY)%") + (f":{literal_port}" if literal_port else "")
    what = path.replace("/#{path}", f"%PATH({'WQ' if _keeps_query(action) else 'NQ'}:PATH)%")
    own_query = "" if _keeps_query(action) or not action.query else "?" + action.query.replace("%", "%%")
    return f"{scheme}://{where}{what}{own_query}"
