"""The lab's face: AWS's own API in front of the world, spoken as AWS speaks it.

    request ─► wire (which service, operation, protocol) ─► reading (params) ─┐
                                                                              ├─► checking ─► world.call ─► copy
    in-process caller ─────────────────────────────► answer() ────────────────┘                              │
    reply   ◄─ writing (JSON, XML) ◄─────────────────────────────────────────────────────────────────────────┘

What the service models of botocore say about a request is checked here, before the world sees it: members, types,
required members, enums, bounds. What they do not say, AWS's semantics, is the world's affair.
"""

from teal.lab.front.answering import Answerer, answer
from teal.lab.front.door import Door
from teal.lab.front.models import Catalogue
from teal.lab.front.pages import Pages
from teal.lab.front.wire import Front, Reply, Request

__all__ = ["Answerer", "Catalogue", "Door", "Front", "Pages", "Reply", "Request", "answer"]
