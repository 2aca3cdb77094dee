"""For which platforms an image is looked up and scanned, and what the answers for several of them come to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from kgate.images.inventory import Image, ImageUse
from kgate.images.scanner import NotScanned, ScanResult, Vulnerability
from kgate.images.settings import ImagesSettings

Answer = ScanResult | NotScanned
_WORD = re.compile("[a-z0-9_]{1,32}")
_LABELS = {"os": ("kubernetes.io/os", "beta.kubernetes.io/os"), "arch": ("kubernetes.io/arch", "beta.kubernetes.io/arch")}


def platforms_of(image: Image, settings: ImagesSettings) -> tuple[str, ...]:
    """Of all its uses, in the order of first uses; never empty."""
    return tuple(dict.fromkeys(p for use in image.uses for p in platforms_of_use(use, settings)))


def platforms_of_use(use: ImageUse, settings: ImagesSettings) -> tuple[str, ...]:
    """Those of the settings that the pod's nodeSelector leaves, or the one that it names."""
    os, arch = (_selected(_pod(use), labels) for labels in _LABELS.values())
    told = settings.all_platforms
    fitting = tuple(p for p in told if os in ("", p.split("/")[0]) and arch in ("", p.split("/")[1]))
    first = told[0].split("/")
    return fitting or (f"{os or first[0]}/{arch or first[1]}",)


def _pod(use: ImageUse) -> Mapping[str, Any]:
    """`.../containers/0/image`: the pod is what has the list."""
    node: Any = use.manifest.body
    for step in use.path[:-3]:
        node = node[step]
    return node if isinstance(node, Mapping) else {}


def _selected(pod: Mapping[str, Any], labels: tuple[str, ...]) -> str:
    selector = pod.get("nodeSelector")
    if not isinstance(selector, Mapping):
        return ""
    for label in labels:
        value = selector.get(label)
        if isinstance(value, str) and _WORD.fullmatch(value):
            return value
    return ""


def merged(answers: Mapping[str, Answer]) -> Answer:
    """One answer of those for all platforms. What was found for one counts; what is not known for one is a gap."""
    if len(answers) == 1:
        return next(iter(answers.values()))
    results = {platform: answer for platform, answer in answers.items() if isinstance(answer, ScanResult)}
    if not results:
        reasons = {answer.reason for answer in answers.values() if isinstance(answer, NotScanned)}
        first = next(answer for answer in answers.values() if isinstance(answer, NotScanned))
        return first if len(reasons) == 1 else NotScanned("; ".join(f"for {p}: {a}" for p, a in answers.items()))
    gaps = [f"for {p}: {why}" for p, a in answers.items() if (why := str(a) if isinstance(a, NotScanned) else a.gap)]
    found = list(results.values())
    digests = {r.digest for r in found}
    return replace(
        found[0],
        digest=found[0].digest if len(digests) == 1 else None,
        os=", ".join(dict.fromkeys(r.os for r in found if r.os)),
        end_of_life=any(r.end_of_life for r in found),
        vulnerabilities=_together(results, len(answers)),
        gap="; ".join(gaps),
    )


def _together(results: Mapping[str, ScanResult], wanted: int) -> tuple[Vulnerability, ...]:
    """Each once; a package URL tells the architecture, so it makes no difference here."""
    first: dict[tuple[str, ...], Vulnerability] = {}
    where: dict[tuple[str, ...], list[str]] = {}
    for platform, result in results.items():
        for v in result.vulnerabilities:
            key = (v.id, v.package, v.installed, v.fixed, v.severity, v.path)
            first.setdefault(key, v)
            if platform not in where.setdefault(key, []):
                where[key].append(platform)
    told = (v if len(where[key]) == wanted else replace(v, only=", ".join(where[key])) for key, v in first.items())
    return tuple(sorted(told))
