"""Requests that fail or are slow on purpose: two filters of Envoy that sleep until a route wakes them.

Which requests are hit is settled here, as a plan of zeros and ones from the seed; a few lines of Lua walk along it, one
step per request of a group on this node, and tell Envoy's own fault filter by header what to do. So a fault begins and
ends with the rules file alone, and a lab without faults pays nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from teal.lab.faults.chance import hits
from teal.lab.proxy.clusters import cluster_name
from teal.lab.world.wires import RequestFault

_EXTENSIONS = "type.googleapis.com/envoy.extensions.filters.http"
_PLAN_LENGTH: Final = 1000  # then it begins anew
_DELAY, _ABORT = "x-envoy-fault-delay-request", "x-envoy-fault-abort-request"
_WALK: Final = f"""
local count = 0
function envoy_on_request(handle)
  local headers = handle:headers()
  headers:remove("{_DELAY}")
  headers:remove("{_ABORT}")
  local step, delay_ms = count % {_PLAN_LENGTH} + 1, 0
  count = count + 1
  for _, plan in ipairs(plans) do
    if plan.hits:byte(step) == 49 then
      delay_ms = delay_ms + plan.delay_ms
      if plan.status then headers:replace("{_ABORT}", plan.status) end
    end
  end
  if delay_ms > 0 then headers:replace("{_DELAY}", tostring(delay_ms)) end
end
"""


def fault_filters() -> list[dict[str, Any]]:
    """Return the filters of a listener; a route that has a fault switches them on for itself."""
    return [
        {"name": "choose", "typed_config": {"@type": f"{_EXTENSIONS}.lua.v3.Lua"}, "disabled": True},
        {"name": "fault", "typed_config": _obeying_headers(), "disabled": True},
    ]


def _obeying_headers() -> dict[str, Any]:
    every = {"numerator": 100, "denominator": "HUNDRED"}
    return {
        "@type": f"{_EXTENSIONS}.fault.v3.HTTPFault",
        "delay": {"header_delay": {}, "percentage": every},
        "abort": {"header_abort": {}, "percentage": every},
    }


def plan(fault: RequestFault) -> str:
    """Return which of the next requests are hit: `1` for a hit, `0` for none."""
    return "".join("01"[hits(fault.seed, count, fault.share_percent)] for count in range(1, _PLAN_LENGTH + 1))


def with_faults(route_table: dict[str, Any], faults: Mapping[str, Sequence[RequestFault]]) -> dict[str, Any]:
    """Write the faults of groups, by ARN, into a route table."""
    by_cluster = {cluster_name(arn): _woken(each) for arn, each in faults.items() if each}
    if not by_cluster:
        return route_table
    for host in route_table["virtual_hosts"]:
        for route in host["routes"]:
            action: dict[str, Any] = route.get("route", {})
            for cluster in action.get("weighted_clusters", {}).get("clusters", ()):
                _add(cluster, by_cluster.get(cluster["name"], {}))
            _add(route, by_cluster.get(str(action.get("cluster", "")), {}))
    return route_table


def _add(place: dict[str, Any], woken: Mapping[str, Any]) -> None:
    if woken:
        place["typed_per_filter_config"] = {**place.get("typed_per_filter_config", {}), **woken}
        place["request_headers_to_remove"] = [*place.get("request_headers_to_remove", ()), _DELAY, _ABORT]


def _woken(faults: Sequence[RequestFault]) -> dict[str, Any]:
    """Return the configuration that wakes both filters where it is written."""
    rows = ", ".join(_row(fault) for fault in faults)
    lua = {"inline_string": f"local plans = {{{rows}}}\n{_WALK}"}
    return {
        "choose": {"@type": f"{_EXTENSIONS}.lua.v3.LuaPerRoute", "source_code": lua},
        "fault": _obeying_headers(),
    }


def _row(fault: RequestFault) -> str:
    status = "nil" if fault.status is None else f'"{fault.status}"'
    return f'{{hits = "{plan(fault)}", delay_ms = {round(fault.delay_s * 1000)}, status = {status}}}'
