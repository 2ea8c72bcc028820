"""Stickiness: cookies that lead a client back to its target, and to its group of a weighted forward.

Routes of sticky rules alone run two more filters. A script reads the cookies and writes what they name into headers
of the lab's own; the routes of the groups match on the one, Envoy's stateful session on the other. On the way back it
writes the cookies anew. A target that is gone or unhealthy is not found by the session, and another one is chosen; so
is another group when the cookie names one that the rule does not have.

As on AWS a cookie lives for 7 days in the browser, and for how long it is honoured stands in its value. There the value
is encrypted; here it is `<unix milliseconds>.<name>`. With every answer the time begins anew.
"""

from dataclasses import replace
from typing import Any

from teal.lab.proxy.clusters import cluster_name
from teal.lab.world.wires import Forward

GROUP_HEADER = "x-teal-lab-group"
_TARGET_HEADER = "x-teal-lab-target"
_HOST_HEADER = "x-teal-lab-host"
_SCRIPT = "envoy.filters.http.lua"
_SESSION = "envoy.filters.http.stateful_session"
_TYPE = "type.googleapis.com/envoy"
_FILTERS = f"{_TYPE}.extensions.filters.http"
_MS_PER_S = 1000
_SOURCE = """
local WEEK_S = 604800

local function cookies(headers)
  local found = {}
  for name, value in string.gmatch(headers:get("cookie") or "", "([^=;, ]+)=([^;,]*)") do
    found[name] = value
  end
  return found
end

local function living(handle, value)
  local ends_ms, name = string.match(value or "", "^(%d+)%.(.+)$")
  if ends_ms and tonumber(ends_ms) > tonumber(tostring(handle:timestamp())) then return name end
end

local function put(headers, header, value)
  if value then headers:replace(header, value) else headers:remove(header) end
end

function envoy_on_request(handle)
  local rule, headers = handle:metadata(), handle:headers()
  local sent = cookies(headers)
  local app = rule:get("app_cookie")
  local name = "AWSALB"
  if app then name = "AWSALBAPP-0" end
  local target = living(handle, sent[name]) or living(handle, sent[name .. "CORS"])
  if app and not sent[app] then target = nil end
  put(headers, "x-teal-lab-target", target)
  if target then handle:streamInfo():dynamicMetadata():set("teal", "sticky", "yes") end
  if rule:get("group_ms") then
    put(headers, "x-teal-lab-group", living(handle, sent["AWSALBTG"]) or living(handle, sent["AWSALBTGCORS"]))
    handle:clearRouteCache()
  end
end

local function set(handle, name, for_ms, value)
  local expires = os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + WEEK_S)
  local ends_ms = string.format("%.0f", tonumber(tostring(handle:timestamp())) + for_ms)
  local cookie = "=" .. ends_ms .. "." .. value .. "; Expires=" .. expires .. "; Path=/"
  handle:headers():add("set-cookie", name .. cookie)
  if name ~= "AWSALBAPP-0" then
    handle:headers():add("set-cookie", name .. "CORS" .. cookie .. "; SameSite=None")
  end
end

local function sets(headers, name)
  local found = false  -- the headers stay locked until they were all looked at
  for key, value in pairs(headers) do
    found = found or (key == "set-cookie" and string.sub(value, 1, #name + 1) == name .. "=")
  end
  return found
end

function envoy_on_response(handle)
  local rule, headers = handle:metadata(), handle:headers()
  local group, host = headers:get("x-teal-lab-group"), headers:get("x-teal-lab-host")
  for _, header in ipairs({"x-teal-lab-group", "x-teal-lab-host", "x-teal-lab-target"}) do headers:remove(header) end
  if not group then return end
  if rule:get("group_ms") then set(handle, "AWSALBTG", rule:get("group_ms"), group) end
  local for_ms, app = rule:get("target_ms")[group], rule:get("app_cookie")
  if not for_ms then return end
  if not app then
    set(handle, "AWSALB", for_ms, handle:base64Escape(host))
  elseif handle:streamInfo():dynamicMetadata():get("teal") or sets(headers, app) then
    set(handle, "AWSALBAPP-0", for_ms, handle:base64Escape(host))
  end
end
"""


def is_sticky(forward: Forward) -> bool:
    """Say whether a forward action needs cookies."""
    return forward.sticky_s > 0 or bool(forward.sticky_targets)


def filters() -> list[dict[str, Any]]:
    """Return the filters of a listener that sticky routes switch on."""
    script = {"@type": f"{_FILTERS}.lua.v3.Lua", "default_source_code": {"inline_string": _SOURCE}}
    session = {"@type": f"{_FILTERS}.stateful_session.v3.StatefulSession"}
    configs = {_SCRIPT: script, _SESSION: session}
    return [{"name": name, "disabled": True, "typed_config": config} for name, config in configs.items()]


def sticky_parts(forward: Forward) -> dict[str, Any]:
    """Return what a route of a sticky rule has besides its match and its action."""
    return {
        "metadata": {"filter_metadata": {_SCRIPT: _facts(forward)}},
        "typed_per_filter_config": {
            _SCRIPT: _on({"@type": f"{_FILTERS}.lua.v3.LuaPerRoute"}),
            _SESSION: _on(_session()),
        },
        "request_headers_to_remove": [GROUP_HEADER, _TARGET_HEADER],
    }


def group_choices(forward: Forward) -> list[tuple[dict[str, Any], Forward]]:
    """Return what the header of a chosen group is matched by, and where it leads, weight or not."""
    if forward.sticky_s <= 0:
        return []
    return [
        (
            {"name": GROUP_HEADER, "string_match": {"exact": cluster_name(arn)}},
            replace(forward, shares=((arn, 1),)),
        )
        for arn, _ in forward.shares
    ]


def _facts(forward: Forward) -> dict[str, Any]:
    """Return what the script knows of a rule. Absent is what does not apply."""
    apps = [target.app_cookie for _, target in forward.sticky_targets if target.app_cookie]
    return {
        "target_ms": {cluster_name(arn): target.duration_s * _MS_PER_S for arn, target in forward.sticky_targets},
        **({"group_ms": forward.sticky_s * _MS_PER_S} if forward.sticky_s > 0 else {}),
        **({"app_cookie": apps[0]} if apps else {}),
    }


def _session() -> dict[str, Any]:
    kept = {
        "@type": f"{_TYPE}.extensions.http.stateful_session.header.v3.HeaderBasedSessionState",
        "name": _TARGET_HEADER,
    }
    state = {"name": "envoy.http.stateful_session.header", "typed_config": kept}
    return {
        "@type": f"{_FILTERS}.stateful_session.v3.StatefulSessionPerRoute",
        "stateful_session": {"session_state": state},
    }


def _on(config: dict[str, Any]) -> dict[str, Any]:
    return {"@type": f"{_TYPE}.config.route.v3.FilterConfig", "config": config}


def told_group(arn: str) -> list[dict[str, Any]]:
    """Return the headers by which the script learns which group and which target have answered."""
    values = {GROUP_HEADER: cluster_name(arn), _HOST_HEADER: "%UPSTREAM_HOST%"}
    return [
        {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for key, value in values.items()
    ]
