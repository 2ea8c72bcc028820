"""The process runtime: tasks of the world as processes of this machine, without Docker and without root.

    WantedTask ─► starting (whose turn) ─► images (which command) ─► process (one group per container) ─► output
                                                                        │
                             TaskStarted, ContainerExited, LogLines ─► world

On Linux each task has its own loopback address, 127.x.y.z for 10.x.y.z, and listens on its container ports there;
elsewhere loopback has one address only, and each container port gets a free port of it. Ports below 1024, which need
root, are moved up. A process is told where to listen by HOST and PORT.
"""

from teal.lab.runtime.images import Images
from teal.lab.runtime.processes import Place, Runtime

__all__ = ["Images", "Place", "Runtime"]
