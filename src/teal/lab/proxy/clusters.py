"""Target groups as Envoy clusters (CDS), their targets as endpoints (EDS), one file for each.

A target is healthy after its first passed check and unhealthy after `unhealthy_count` failed ones. Requests go
to healthy targets; when none is left they go to all (fail open), and when there is no target at all the answer is 503.

Nothing is sent twice: there are no retries. Envoy gives up an idle connection to a target before the load balancer of
AWS would (`_UPSTREAM_IDLE_S` < 60 s), so an app that keeps idle connections longer than that never closes one under a
request. An app that closes them earlier earns its 502, here as there.
"""

from hashlib import sha256
from typing import Any

from teal.lab.proxy.sockets import Address
from teal.lab.proxy.standing import Standing, Standings
from teal.lab.world.wires import HealthCheck, ProxyGroup, ProxyTarget

_CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
_ASSIGNMENT = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_UPSTREAM_IDLE_S = 55.0
_CONNECT_TIMEOUT_S = 10.0  # as on AWS
_UNLIMITED = 1_000_000
_MAX_HEADERS = 1000
_SHORTEST_S = 0.001


def cluster_name(arn: str) -> str:
    """Return the name of the cluster of a target group, fit for file names and statistics."""
    return f"group-{sha256(arn.encode()).hexdigest()[:16]}"


def seconds(value_s: float) -> str:
    """Return a duration as Envoy reads it."""
    return f"{max(value_s, _SHORTEST_S):.3f}s"


def cluster(group: ProxyGroup, endpoints_file: str) -> dict[str, Any]:
    """Return the cluster of a group whose endpoints are read from a file."""
    name = cluster_name(group.arn)
    return {
        "@type": _CLUSTER,
        "name": name,
        "type": "EDS",
        "eds_cluster_config": {
            "service_name": name,
            "eds_config": {"resource_api_version": "V3", "path_config_source": {"path": endpoints_file}},
        },
        "connect_timeout": seconds(_CONNECT_TIMEOUT_S),
        "lb_policy": "ROUND_ROBIN",
        "common_lb_config": {"healthy_panic_threshold": {"value": 1.0}},  # per cent; 0 would mean never
        "ignore_health_on_host_removal": True,  # a deregistered target gets no request, however healthy it is
        "health_checks": [_health_check(group.health_check)],
        "circuit_breakers": {"thresholds": [_no_limits()]},
        "typed_extension_protocol_options": {_OPTIONS: _protocol()},
    }


def _health_check(check: HealthCheck) -> dict[str, Any]:
    """Return Envoy's active health check."""
    interval = seconds(check.interval_s)
    return {
        "timeout": seconds(check.timeout_s),
        "interval": interval,
        "no_traffic_interval": interval,
        "no_traffic_healthy_interval": interval,
        "healthy_threshold": check.healthy_count,
        "unhealthy_threshold": check.unhealthy_count,
        "reuse_connection": False,
        "http_health_check": {
            "path": check.path,
            "expected_statuses": [{"start": first, "end": last + 1} for first, last in check.codes],
            # Any other code counts towards the threshold; without this, Envoy gives up at the first one.
            "retriable_statuses": [{"start": 100, "end": 600}],
            "request_headers_to_add": [{"header": {"key": "User-Agent", "value": "ELB-HealthChecker/2.0"}}],
        },
    }


def _no_limits() -> dict[str, int]:
    return dict.fromkeys(("max_connections", "max_pending_requests", "max_requests", "max_retries"), _UNLIMITED)


def _protocol() -> dict[str, Any]:
    return {
        "@type": f"type.googleapis.com/{_OPTIONS}",
        "common_http_protocol_options": {"idle_timeout": seconds(_UPSTREAM_IDLE_S), "max_headers_count": _MAX_HEADERS},
        "explicit_http_config": {"http_protocol_options": {"header_key_format": keep_case()}},
    }


def keep_case() -> dict[str, Any]:
    """Return the option that passes header names on as they were written."""
    return {
        "stateful_formatter": {
            "name": "preserve_case",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3"
                ".PreserveCaseFormatterConfig",
                "formatter_type_on_envoy_headers": "PROPER_CASE",
            },
        }
    }


def endpoints(group: ProxyGroup, standings: Standings) -> dict[str, Any]:
    """Return the targets of a group as they stand with a node."""
    hosts = [_endpoint(target, group, standings.of(group.arn, dial_of(target))) for target in group.targets]
    return assignment(group.arn) | ({"endpoints": hosts} if hosts else {})


def dial_of(target: ProxyTarget) -> Address:
    """Return where a target is dialled."""
    return target.host, target.host_port


def assignment(arn: str) -> dict[str, Any]:
    """Return an assignment without any targets."""
    return {"@type": _ASSIGNMENT, "cluster_name": cluster_name(arn)}


def _endpoint(target: ProxyTarget, group: ProxyGroup, standing: Standing) -> dict[str, Any]:
    where = {"socket_address": {"address": target.host, "port_value": target.host_port}}
    port = target.health_port or group.health_check.port
    other = {"health_check_config": {"port_value": port}} if port is not None else {}
    weight = {"load_balancing_weight": standing.weight} if group.slow_start_s > 0 else {}
    return {
        "locality": {"sub_zone": f"attempt-{standing.attempt}"},
        "lb_endpoints": [{"endpoint": {"address": where} | other} | weight],
    }
