"""What an Envoy is started with: an admin port on loopback, and the files it takes everything else from."""

from pathlib import Path
from typing import Any

_ANSWERED = ("/clusters", "/stats", "/ready", "/config_dump")
_COUNTED = (
    r"cluster\.group-[0-9a-f]+\.upstream_rq_(total|active|[1-5]xx)",
    r".*\.update_rejected",
    r"listener_manager\.(listener_create_failure|total_listeners_active)",
    r"cluster_manager\.(active_clusters|warming_clusters)",
)
_MOST_CONNECTIONS: dict[str, Any] = {
    "name": "envoy.resource_monitors.global_downstream_max_connections",  # found by this name, not by its type
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3"
        ".DownstreamConnectionsConfig",
        "max_active_downstream_connections": 50_000,
    },
}


def bootstrap(node: int, directory: Path) -> dict[str, Any]:
    """Return the bootstrap of one node."""
    return {
        "node": {"id": f"node-{node}", "cluster": "teal-lab"},
        "admin": {
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            # Nobody on this machine can stop or change the balancer here: it answers questions only.
            "allow_paths": [{"prefix": path} for path in _ANSWERED],
        },
        "dynamic_resources": {
            "cds_config": _file(directory / "cds.json"),
            "lds_config": _file(directory / "lds.json"),
        },
        # Without a limit of its own Envoy warns at every start.
        "overload_manager": {"resource_monitors": [_MOST_CONNECTIONS]},
        "stats_config": {
            "stats_matcher": {"inclusion_list": {"patterns": [{"safe_regex": {"regex": one}} for one in _COUNTED]}}
        },
    }


def _file(path: Path) -> dict[str, Any]:
    return {"resource_api_version": "V3", "path_config_source": {"path": str(path)}}
