"""The worst case: other schedules of the same change, and what follows when a node or zone is lost at any instant of it.

explore: all schedules, state by state; staged: more and more of them; alike: which need not be looked at twice. losses: every failure
at every instant of the nominal schedule. world: where both begin. shown: what was found, as a scenario.
"""

from kgate.rollout.search.alike import question
from kgate.rollout.search.bounded import Bound, most_together
from kgate.rollout.search.explore import ORDERS, STARTS, TIES, Explored, Freedom, Property, Violation, explore
from kgate.rollout.search.losses import Losses, Wanted, losses
from kgate.rollout.search.serving import Floor, Serving
from kgate.rollout.search.staged import Covered, staged
from kgate.rollout.search.world import Start

__all__ = [
    "ORDERS",
    "STARTS",
    "TIES",
    "Bound",
    "Covered",
    "Explored",
    "Floor",
    "Freedom",
    "Losses",
    "Property",
    "Serving",
    "Start",
    "Violation",
    "Wanted",
    "explore",
    "losses",
    "most_together",
    "question",
    "staged",
]
