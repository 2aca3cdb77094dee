"""More and more of what may go otherwise: ties and deletions, starts where the settings leave them open, then who is ready first.

So a budget that is used up leaves behind what was covered until then.
"""

from __future__ import annotations

from msgspec import Struct

from kgate.rollout.search.explore import ORDERS, STARTS, TIES, Explored, Freedom, Property, explore
from kgate.rollout.search.world import Start


class Covered(Struct, frozen=True, kw_only=True):
    """`decisive` is the exploration that found a violation, was not finished, or was asked for; `orders` what came of the last stage."""

    decisive: Explored
    orders: Explored | None = None
    """None: it was not begun, or it is the decisive one."""
    freedom: Freedom = TIES
    """Of the decisive one."""

    @property
    def holds(self) -> bool:
        return self.decisive.holds

    @property
    def spent(self) -> int:
        return self.decisive.spent + (0 if self.orders is None else self.orders.spent)


def staged(start: Start, wanted: Property, budget: int, *, varies: bool) -> Covered:
    """`varies`: the settings leave open how long pods of the change start. `budget`: states of a small cluster, for all stages."""
    first = explore(start, wanted, budget, STARTS if varies else TIES)
    if varies or not first.holds or first.spent >= budget:
        return Covered(decisive=first, freedom=STARTS if varies else TIES)
    orders = explore(start, wanted, budget - first.spent, ORDERS)
    if orders.violation is not None:
        return Covered(decisive=orders, freedom=ORDERS)
    return Covered(decisive=first, orders=orders)
