"""The lab's data plane: it plays the load balancer, with real Envoys on real sockets.

proxy ─► node ─► process, files, admin, sockets      what runs, and what is cut off
   │      └────► listeners ─► actions, stickiness, conditions ─► patterns; clusters     what the files say (pure)
   └───────────► timetable, verdict, standing, slow_start, counts (pure), reasons
"""

from teal.lab.proxy.binary import find_envoy
from teal.lab.proxy.counts import RequestCounts
from teal.lab.proxy.proxy import Proxy, check_free

__all__ = ["Proxy", "RequestCounts", "check_free", "find_envoy"]
