"""Game day: what goes wrong in a lab on purpose, and when. Pure; it decides, others do.

    kinds ─► gameday ─┬─► calls (buckets, chance)   what becomes of an API call    done by lab.front
                      ├─► strikes                   which task is hit, and how     done by lab.runtime
                      ├─► plane                     what the balancer does worse   done by lab.proxy
                      ├─► edits                     what somebody else changes     done by lab.world
                      └─► past                      what a stale read answers      done by lab.world

Who is hit follows from the seed of the fault and a count: the same seed and the same calls, the same faults.
"""

from teal.lab.faults.gameday import GameDay, Placed
from teal.lab.faults.kinds import Fault, as_fault

__all__ = ["Fault", "GameDay", "Placed", "as_fault"]
