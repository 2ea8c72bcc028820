"""The load client of the lab: an open-loop generator that counts every request that was not answered properly.

__main__ ─► generator ─► wire, tally, options
"""

from teal.lab.load.generator import Load
from teal.lab.load.options import LoadOptions, Mix
from teal.lab.load.tally import Failure, SlotCount, Snapshot

__all__ = ["Failure", "Load", "LoadOptions", "Mix", "SlotCount", "Snapshot"]
