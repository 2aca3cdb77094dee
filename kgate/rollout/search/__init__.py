"""The worst case: other schedules of the same change, and what follows when a node or zone is lost at any instant of it.

explore: all tie-breaks, state by state. losses: every failure at every instant of the nominal schedule. world: where both begin.
"""

from kgate.rollout.search.explore import Explored, Property, Violation, explore
from kgate.rollout.search.losses import Losses, Wanted, losses
from kgate.rollout.search.serving import Floor, Serving
from kgate.rollout.search.world import Start

__all__ = ["Explored", "Floor", "Losses", "Property", "Serving", "Start", "Violation", "Wanted", "explore", "losses"]
