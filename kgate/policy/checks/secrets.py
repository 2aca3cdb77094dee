"""Secrets that stand in manifests: known forms of tokens, and values of variables that are named like secrets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from math import log2
from typing import Any

from kgate.manifest import Manifest
from kgate.policy.context import Context
from kgate.policy.nodes import entries, mapping, text
from kgate.policy.policy import Violation
from kgate.policy.subjects import Container

MAX_VALUE = 16_384
"""Characters of a value that are searched for tokens; a private key begins long before."""
_PLACEHOLDER = re.compile(
    r"\$|\{\{|<|>|\*{3}|x{4}|change-?_?me|placeholder|example|your-?_?|replace|redacted|dummy|todo|none|null|vault:|ref\+|arn:"
    r"|secretref|[-_ ]here$",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"/|\\|[a-z]+://|[a-z0-9.-]+:[0-9]{1,5}$|[A-Za-z_.-]+\.(json|ya?ml|pem|crt|key|txt|conf)$", re.ASCII)


def env_literal(container: Container, context: Context) -> Iterator[Violation]:
    for index, variable in entries(container.body, "env"):
        name, value = text(variable, "name"), variable.get("value")
        if not isinstance(value, str) or not value or len(name) > 256:
            continue
        token = _token(value, context.params["tokens"])
        if token or (_named_secret(name, context.params) and _looks_secret(value, context.params["entropy"])):
            what = token or "a secret"
            says = f"{container} has {what} as the plain value of the variable {name}"
            yield Violation(manifest=container.manifest, path=(*container.path, "env", index, "value"), message=says)


def configmap(manifest: Manifest, context: Context) -> Iterator[Violation]:
    tokens = context.params_of.get("secret-in-env-literal", context.params)["tokens"]
    for key, value in mapping(manifest.body, "data").items():
        if isinstance(value, str) and (token := _token(value, tokens)):
            says = f"ConfigMap {manifest.name} holds {token} under {key}"
            yield Violation(manifest=manifest, path=("data", key), message=says)


def _token(value: str, tokens: Mapping[str, Any]) -> str:
    """What known token the value holds, in words; empty when none."""
    head = value[:MAX_VALUE]
    return next((words for words, pattern in tokens.items() if _compiled(pattern).search(head)), "") if len(head) > 15 else ""


def _named_secret(name: str, params: Mapping[str, Any]) -> bool:
    return bool(_compiled(params["names"]).search(name)) and not _compiled(params["harmless"]).search(name)


def _looks_secret(value: str, entropy: float) -> bool:
    """No placeholder, no address and no word that stands in every dictionary."""
    if len(value) < 4 or len(value) > 1024 or _PLACEHOLDER.search(value) or _ADDRESS.search(value):
        return False
    if value.lower() in ("true", "false", "disabled", "enabled", "default", "optional", "required"):
        return False
    return _bits(value) >= entropy


@lru_cache(maxsize=1024)
def _bits(value: str) -> float:
    """Shannon entropy of the characters, in bits a character."""
    return -sum(n / len(value) * log2(n / len(value)) for n in Counter(value).values())


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
