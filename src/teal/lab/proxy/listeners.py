"""Listeners (LDS) and their rules (RDS): one route table per listener, so that a change of rules rewrites only that.

What a load balancer adds to requests and answers is here: `X-Forwarded-For|Proto|Port`, `X-Amzn-Trace-Id`, and its own
small pages. Envoy's codes are AWS's except where a connection to a target fails: Envoy says 503, AWS says 502 when the
target refuses or resets and 504 when it stays silent.

Every client counts as external (no internal addresses), so that `x-envoy-…` headers of clients mean nothing here.
"""

from http import HTTPStatus
from typing import Any

from teal.lab.proxy.actions import route_action
from teal.lab.proxy.clusters import keep_case, seconds
from teal.lab.proxy.conditions import SOURCE_HEADER, matchers
from teal.lab.proxy.faults import fault_filters
from teal.lab.proxy.stickiness import filters, group_choices, is_sticky, sticky_parts
from teal.lab.world.wires import Forward, ProxyListener, ProxyRule

_LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
_ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
_EXTENSIONS = "type.googleapis.com/envoy.extensions"
# `Root=1-<8 hex digits>-<24 hex digits>`: the day, the time, and the port of the client. A random
# id would have to be written into a header of its own first, for every request.
_TRACE = "Root=1-%START_TIME(%Y%m%d)%-%START_TIME(%s%9f)%%DOWNSTREAM_DIRECT_REMOTE_PORT%"
_SERVER = "awselb/2.0"
_CLIENT = "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"
_MAX_HEADERS = 1000
_MAX_HEADERS_KB = 96
# What Envoy notes about a client in the request itself; where it comes from decides which.
_OF_ENVOY = ("x-envoy-external-address", "x-envoy-internal")
_PAGES: tuple[tuple[tuple[str, ...], HTTPStatus], ...] = (
    (("UF", "UC", "UR", "LR", "UPE"), HTTPStatus.BAD_GATEWAY),  # refused, reset, garbage
    (("UT", "SI", "UMSDR"), HTTPStatus.GATEWAY_TIMEOUT),
    (("UH", "NC", "UO", "NR"), HTTPStatus.SERVICE_UNAVAILABLE),  # nobody to send it to
)


def listener_name(listener: ProxyListener) -> str:
    """Return the name of a listener: its address, because a port can be opened only once."""
    return f"{listener.host}_{listener.port}"


def listener(wanted: ProxyListener, routes_file: str) -> dict[str, Any]:
    """Return a listener whose rules are read from a file."""
    address = {"address": wanted.host, "port_value": wanted.port}
    chain = {"filters": [{"name": "http", "typed_config": _connection_manager(wanted, routes_file)}]}
    return {
        "@type": _LISTENER,
        "name": listener_name(wanted),
        "address": {"socket_address": address},
        "enable_reuse_port": True,  # every node opens the same port
        "filter_chains": [chain],
    }


def _connection_manager(wanted: ProxyListener, routes_file: str) -> dict[str, Any]:
    """Return the HTTP side of a listener."""
    idle = seconds(wanted.idle_timeout_s)
    source = {"resource_api_version": "V3", "path_config_source": {"path": routes_file}}
    return {
        "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "listener",
        "codec_type": "HTTP1",
        "rds": {"route_config_name": listener_name(wanted), "config_source": source},
        "use_remote_address": True,
        "skip_xff_append": True,  # Envoy would write its own address for a client on loopback
        "internal_address_config": {},
        "generate_request_id": False,
        "server_header_transformation": "PASS_THROUGH",
        "max_request_headers_kb": _MAX_HEADERS_KB,
        "common_http_protocol_options": {"idle_timeout": idle, "max_headers_count": _MAX_HEADERS},
        "stream_idle_timeout": idle,
        "http_protocol_options": {"accept_http_10": True, "header_key_format": keep_case()},
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "early_header_mutation_extensions": [_early_headers()],
        "local_reply_config": {"mappers": _pages()},
        "http_filters": [*filters(), *fault_filters(), _router()],
    }


def _early_headers() -> dict[str, Any]:
    """Return what is written into a request before a rule is looked for."""
    return {
        "name": "early",
        "typed_config": {
            "@type": f"{_EXTENSIONS}.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": [{"append": _header(SOURCE_HEADER, _CLIENT, "OVERWRITE_IF_EXISTS_OR_ADD")}],
        },
    }


def _header(key: str, value: str, append_action: str) -> dict[str, Any]:
    return {"header": {"key": key, "value": value}, "append_action": append_action}


def _router() -> dict[str, Any]:
    return {
        "name": "router",
        "typed_config": {"@type": f"{_EXTENSIONS}.filters.http.router.v3.Router", "suppress_envoy_headers": True},
    }


def _pages() -> list[dict[str, Any]]:
    """Return the load balancer's own answers; a fixed response only gets the name of the server."""
    server = _header("Server", _SERVER, "OVERWRITE_IF_EXISTS_OR_ADD")
    every = {"filter": _code_filter("GE", 100), "headers_to_add": [server]}
    flagged = [_page({"response_flag_filter": {"flags": list(flags)}}, status) for flags, status in _PAGES]
    return [_page(_connect_timed_out(), HTTPStatus.GATEWAY_TIMEOUT), *flagged, every]


def _connect_timed_out() -> dict[str, Any]:
    kind = f"{_EXTENSIONS}.access_loggers.filters.cel.v3.ExpressionFilter"
    told = {"@type": kind, "expression": "response.code_details.contains('connection_timeout')"}
    return {"extension_filter": {"name": "cel", "typed_config": told}}


def _code_filter(op: str, code: int) -> dict[str, Any]:
    compared = {"op": op, "value": {"default_value": code, "runtime_key": "teal.lab.code"}}
    return {"status_code_filter": {"comparison": compared}}


def _page(chosen: dict[str, Any], status: HTTPStatus) -> dict[str, Any]:
    title = f"{status.value} {status.phrase}"
    text = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    return {
        "filter": chosen,
        "status_code": status.value,
        "body_format_override": {"text_format_source": {"inline_string": text}, "content_type": "text/html"},
        "headers_to_add": [_header("Server", _SERVER, "OVERWRITE_IF_EXISTS_OR_ADD")],
    }


def routes(wanted: ProxyListener) -> dict[str, Any]:
    """Return the rules of a listener. What the rules and headers need but the app shall not see goes last."""
    port = _header("X-Forwarded-Port", "%DOWNSTREAM_LOCAL_PORT%", "OVERWRITE_IF_EXISTS_OR_ADD")
    every = {
        "name": "all",
        "domains": ["*"],
        "routes": [route for rule in wanted.rules for route in _routes(rule)],
        "request_headers_to_add": [
            _header("X-Forwarded-For", _CLIENT, "APPEND_IF_EXISTS_OR_ADD"),
            port,
            _header("X-Amzn-Trace-Id", _TRACE, "ADD_IF_ABSENT"),
        ],
    }
    return {
        "@type": _ROUTES,
        "name": listener_name(wanted),
        "virtual_hosts": [every],
        "request_headers_to_remove": [SOURCE_HEADER, *_OF_ENVOY],
    }


def _routes(rule: ProxyRule) -> list[dict[str, Any]]:
    """Return the routes of a rule: one for each group that a cookie may name, and the rule's own."""
    found: dict[str, Any] = {"prefix": ""}
    if rule.conditions:
        found["headers"] = matchers(rule.conditions)
    route = {"match": found} | route_action(rule.action)
    if not isinstance(rule.action, Forward) or not is_sticky(rule.action):
        return [route]
    own = route | sticky_parts(rule.action)
    named = [
        own | {"match": found | {"headers": [*found.get("headers", ()), matcher]}} | route_action(to_group)
        for matcher, to_group in group_choices(rule.action)
    ]
    return [*named, own]
