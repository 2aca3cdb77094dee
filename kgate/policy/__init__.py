"""Policies are data: `policies/<pack>/<name>.yaml`. The judge asks each about its subjects; `checks` says what schemas cannot."""

from __future__ import annotations

from kgate.errors import SettingError
from kgate.policy.catalog import Catalog, catalog, examples
from kgate.policy.judge import judge
from kgate.policy.policy import Examples, Fix, Policy, SubjectKind, Violation
from kgate.policy.settings import PolicySettings, from_config

__all__ = [
    "Catalog",
    "Examples",
    "Fix",
    "Policy",
    "PolicySettings",
    "SettingError",
    "SubjectKind",
    "Violation",
    "catalog",
    "examples",
    "from_config",
    "judge",
]
