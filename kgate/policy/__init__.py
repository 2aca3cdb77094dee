"""Policies are data: `policies/<pack>/<name>.yaml`. The judge asks each about its subjects; `checks` says what schemas cannot."""

from __future__ import annotations

from kgate.errors import SettingError
from kgate.policy.catalog import Catalog, catalog, examples
from kgate.policy.judge import judge
from kgate.policy.own import PACK as OWN
from kgate.policy.own import catalog_of, files_of, objects_of
from kgate.policy.policy import Examples, Fix, Policy, SubjectKind, Violation
from kgate.policy.rules import RULES
from kgate.policy.settings import PolicySettings, from_config

__all__ = [
    "OWN",
    "RULES",
    "Catalog",
    "Examples",
    "Fix",
    "Policy",
    "PolicySettings",
    "SettingError",
    "SubjectKind",
    "Violation",
    "catalog",
    "catalog_of",
    "examples",
    "files_of",
    "from_config",
    "judge",
    "objects_of",
]
