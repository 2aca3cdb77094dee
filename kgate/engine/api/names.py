"""What the API calls things: resources in the plural, groups, generated names and uids."""

from __future__ import annotations

import zlib

SAFE = "bcdfghjklmnpqrstvwxz2456789"
"""The letters of generated names: no vowels, nothing that looks like something else (apimachinery/pkg/util/rand)."""

_PLURALS = {"Endpoints": "endpoints", "Ingress": "ingresses", "NetworkPolicy": "networkpolicies", "StorageClass": "storageclasses"}


def group(api_version: str) -> str:
    """`apps` of apps/v1; empty for the core group."""
    return api_version.rpartition("/")[0]


def resource(api_version: str, kind: str) -> str:
    """`deployments.apps`, `pods`."""
    plural = _PLURALS.get(kind) or kind.lower() + ("es" if kind.endswith(("s", "x", "ch")) else "s")
    return with_group(plural, api_version)


def with_group(name: str, api_version: str) -> str:
    """`Deployment.apps`, `Pod`."""
    return f"{name}.{group(api_version)}" if group(api_version) else name


def safe_hash(text: str, length: int) -> str:
    """A stable name for `text` in the alphabet of generated names; up to seven letters differ from text to text."""
    number, letters = zlib.crc32(text.encode()), []
    for _ in range(length):
        number, digit = divmod(number, len(SAFE))
        letters.append(SAFE[digit])
    return "".join(letters)


def template_hash(text: str) -> str:
    """32 bits as a decimal number, its digits as letters (rand.SafeEncodeString)."""
    # Unlike upstream: a checksum of the template's canonical form, not FNV of a dump of Go structs; the letters differ.
    return "".join(SAFE[ord(digit) % len(SAFE)] for digit in str(zlib.crc32(text.encode())))


def uid(serial: int) -> str:
    """The uid of the object with that serial number."""
    # Unlike upstream: uids count down and are not random, so ties that Kubernetes breaks by uid fall on the newer object.
    return f"00000000-0000-4000-8000-{2**48 - serial:012x}"
