"""Every rule of every room: what a waiver may name, and what `kgate rules` lists."""

from __future__ import annotations

from functools import lru_cache

from kgate.finding import Rule


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """By identifier."""
    from kgate import config, images, load, policy, rollout, validate
    from kgate.baseline.rules import RULES as BASELINE
    from kgate.rollout import questions
    from kgate.waivers.rules import RULES as WAIVERS

    policies = (*policy.catalog().rules, *policy.RULES)
    rooms = (config.RULES, load.RULES, validate.RULES, policies, images.RULES, rollout.RULES, questions.RULES, WAIVERS, BASELINE)
    return tuple(sorted((rule for room in rooms for rule in room), key=lambda r: r.id))
