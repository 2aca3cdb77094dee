"""Profiles: named sets of severities, one file each in `policies/profiles/`. What the settings say of a rule comes first."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct, structs

from kgate.errors import ConfigError
from kgate.finding import Severity
from kgate.policy import yamldata
from kgate.policy.catalog import Catalog, built_in_folder
from kgate.policy.settings import PolicySettings, RuleSettings
from kgate.policy.standard import Standard, parse

PROFILES = ("minimal", "default", "restricted", "ha")


class Profile(Struct, frozen=True, kw_only=True):
    name: str
    summary: str
    keep: Severity | None = None
    """Rules that are milder by themselves are off; None: none is."""
    pod_security: Standard | None = None
    rules: Mapping[str, Severity]
    """How grave the rules are that it changes or switches on."""


@lru_cache(maxsize=len(PROFILES))
def profile(name: str) -> Profile:
    """One of PROFILES. Raises ConfigError for a file that is wrong."""
    file = f"policies/profiles/{name}.yaml"
    body: Any = yamldata.read((built_in_folder() / "profiles" / f"{name}.yaml").read_text(encoding="utf-8"), file)
    if not isinstance(body, dict) or set(body) - {"name", "summary", "keep", "pod_security", "rules"} or body.get("name") != name:
        raise ConfigError.at(file, 1, 1, "a profile has a name, a summary, and keep, pod_security or rules")
    return Profile(
        name=name,
        summary=body["summary"],
        keep=Severity(body["keep"]) if "keep" in body else None,
        pod_security=parse(body["pod_security"]) if "pod_security" in body else None,
        rules={rule: Severity(severity) for rule, severity in body.get("rules", {}).items()},
    )


def settled(settings: PolicySettings, catalog: Catalog) -> PolicySettings:
    """The settings, with what their profile says of rules and pods where they themselves say nothing."""
    if settings.profile == "default":
        return settings
    chosen = profile(settings.profile)
    said = {p.name: _said(p.rule.severity, settings.of(p.name), chosen, p.name) for p in catalog.policies}
    return structs.replace(settings, rules={**settings.rules, **said}, pod_security=settings.pod_security or chosen.pod_security)


def _said(severity: Severity, said: RuleSettings, chosen: Profile, name: str) -> RuleSettings:
    if said.off or said.severity is not None:
        return said
    if name in chosen.rules:
        return structs.replace(said, severity=chosen.rules[name])
    milder = chosen.keep is not None and severity.rank > chosen.keep.rank
    return structs.replace(said, off=True) if milder else said
