"""The checks that data cannot say, by the name that policies give in `check:`."""

from __future__ import annotations

from collections.abc import Mapping

from kgate.policy.checks import images
from kgate.policy.context import Check

CHECKS: Mapping[str, Check] = {
    "image-reference": images.reference,
    "image-tag-missing": images.tag_missing,
    "image-tag-latest": images.tag_latest,
    "image-tag-floating": images.tag_floating,
    "image-tag-pattern": images.tag_pattern,
    "image-digest-required": images.digest_required,
    "image-registry-allowed": images.registry_allowed,
    "image-repository-denied": images.repository_denied,
    "image-unqualified": images.unqualified,
    "image-pull-policy": images.pull_policy,
    "image-drift": images.drift,
}
