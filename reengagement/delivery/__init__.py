"""The queue's far end: fan out, claim, post, settle; nothing lost, nobody reminded twice.

    notification ─ fan_out ─► delivery queued ─ claim ─► claimed ─ begin_posting ─► posting ─ settle ─► final

No transaction is open while a request is under way. `drain()` is what the command line, the consumer
and the simulation call.
"""

from reengagement.delivery.confirming import confirm
from reengagement.delivery.draining import Drained, Post, drain, need, take_back
from reengagement.delivery.resending import RESENDABLE, Resent, Which, resend, retry

__all__ = [
    "RESENDABLE",
    "Drained",
    "Post",
    "Resent",
    "Which",
    "confirm",
    "drain",
    "need",
    "resend",
    "retry",
    "take_back",
]
