"""The JSON schema of `images:` in `.kgate.yaml`: what `kgate config schema` prints, and what `reading` holds the settings to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgate.images.settings import SEVERITIES, EndOfLife, Scan, Unscanned

_PLATFORM = "^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$"
_PATTERNS: Mapping[str, Any] = {"type": "array", "items": {"type": "string", "minLength": 1}, "default": []}


SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Scanning the images that the manifests run for known vulnerabilities.",
    "additionalProperties": False,
    "properties": {
        "scan": {
            "type": "string",
            "enum": [s.value for s in Scan],
            "default": "if-available",
            "description": "What an image that could not be scanned means: required makes it an error, if-available reports it, "
            "off scans nothing.",
        },
        "scanner": {
            "type": "string",
            "enum": ["trivy", "clair", "sysdig", "grype"],
            "default": "trivy",
            "description": "The scanner to ask. Whichever it is, kgate judges what it finds in the same way.",
        },
        "trivy": {
            "type": "string",
            "minLength": 1,
            "default": "trivy",
            "description": "The trivy executable: a name on PATH, or an absolute path outside the working directory.",
        },
        "grype": {
            "type": "string",
            "minLength": 1,
            "default": "grype",
            "description": "The grype executable, likewise.",
        },
        "sysdig": {
            "type": "string",
            "minLength": 1,
            "default": "sysdig-cli-scanner",
            "description": "The sysdig-cli-scanner executable, likewise.",
        },
        "cache_dir": {
            "type": "string",
            "default": "",
            "description": "Folder of the scanner's vulnerability database (for Trivy the one that holds db/trivy.db). "
            "Default: the scanner's own.",
        },
        "db_repositories": {
            **_PATTERNS,
            "items": {"type": "string", "minLength": 1, "examples": ["registry.example.com/mirror/trivy-db:2"]},
            "description": "Repositories to fetch Trivy's database from when there is none or a new one is due, the first that has it. "
            "Default: it is never fetched.",
        },
        "java_db_repositories": {
            **_PATTERNS,
            "items": {"type": "string", "minLength": 1, "examples": ["registry.example.com/mirror/trivy-java-db:1"]},
            "description": "The same for the database that names Java archives.",
        },
        "platform": {
            "type": "string",
            "pattern": _PLATFORM,
            "default": "linux/amd64",
            "description": "The platform of the nodes, as os/architecture: which image of a multi-platform image is scanned.",
        },
        "platforms": {
            **_PATTERNS,
            "items": {"type": "string", "pattern": _PLATFORM, "examples": ["linux/arm64"]},
            "description": "The platforms of the nodes, where there are several: images are looked up and scanned for each of them. "
            "A nodeSelector on kubernetes.io/arch or kubernetes.io/os chooses.",
        },
        "severity": {
            "type": "string",
            "enum": list(SEVERITIES),
            "default": "HIGH",
            "description": "The lowest severity of a vulnerability that is an error.",
        },
        "ignore_unfixed": {
            "type": "boolean",
            "default": True,
            "description": "Vulnerabilities without a fixed version are no errors; critical ones are still listed as warnings.",
        },
        "max_database_age_days": {
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 7,
            "description": "An image scanned with an older vulnerability database does not count as scanned.",
        },
        "timeout_s": {"type": "number", "exclusiveMinimum": 0, "default": 300, "description": "Seconds for one image."},
        "timeout_all_s": {"type": "number", "exclusiveMinimum": 0, "default": 1800, "description": "Seconds for all images together."},
        "jobs": {"type": "integer", "minimum": 1, "maximum": 64, "default": 4, "description": "Images scanned at once, at most."},
        "pull": {
            "type": "boolean",
            "default": False,
            "description": "Let the scanner pull images from their registries. Without it kgate uses no network and scans "
            "only what `archives` names.",
        },
        "registries": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "default": [],
            "description": "With `pull`: the only registries to pull from, as host or host:port. Default: every registry that is not "
            "at a private, loopback or link-local address.",
        },
        "registry": {
            "type": "boolean",
            "default": False,
            "description": "Ask the registry of every image whether it is there, and for which platforms. `pull` asks as well.",
        },
        "networks": {
            **_PATTERNS,
            "items": {"type": "string", "pattern": "^[0-9a-fA-F.:]+/[0-9]+$", "examples": ["10.0.0.0/8"]},
            "description": "Private networks, as 10.0.0.0/8, that any registry may be in. Link-local addresses and metadata services "
            "stay out of reach.",
        },
        "insecure": {**_PATTERNS, "description": "Registries without TLS, as host or host:port. The machine itself needs no entry."},
        "ca_file": {
            "type": "string",
            "default": "",
            "description": "PEM file with certificate authorities that registries may have, besides the usual ones.",
        },
        "registry_timeout_s": {
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 30,
            "description": "Seconds for asking about one image.",
        },
        "server": {
            "type": "string",
            "pattern": "^(https?://[^ ]+)?$",
            "default": "",
            "description": "URL of the scanner's server: of a Trivy server that looks vulnerabilities up (token in TRIVY_TOKEN), "
            "of Clair (base64 key in CLAIR_PSK), of Sysdig (token in SECURE_API_TOKEN).",
        },
        "issuer": {
            "type": "string",
            "minLength": 1,
            "default": "kgate",
            "description": "Who signs the questions to Clair, as its auth.psk.iss names it.",
        },
        "covered": {
            **_PATTERNS,
            "items": {"type": "string", "minLength": 1, "examples": ["debian 12"]},
            "description": "Patterns of releases, as debian 12, that the data of Clair, Sysdig or Grype covers. Without them an image in "
            "which such a scanner finds nothing does not count as scanned.",
        },
        "sbom": {
            "type": "string",
            "default": "",
            "description": "Folder to write a bill of materials (CycloneDX) of each scanned image to. Trivy alone makes them.",
        },
        "on_unscanned": {
            "type": "string",
            "enum": [u.value for u in Unscanned],
            "default": "report",
            "description": "What an image means that could not be scanned or looked up: fail and warn make it a finding, report lists it.",
        },
        "end_of_life": {
            "type": "string",
            "enum": [e.value for e in EndOfLife],
            "default": "warn",
            "description": "What an image means whose distribution gets no more security updates.",
        },
        "exclude_packages": {**_PATTERNS, "description": "Packages whose vulnerabilities do not count, as linux-libc-dev or python3*."},
        "exclude_paths": {**_PATTERNS, "description": "Files inside images whose vulnerabilities do not count, as usr/share/doc/*."},
        "kev": {
            "type": "string",
            "default": "",
            "description": "JSON file of vulnerabilities known to be exploited (CISA's catalogue): each is an error, fixed or not.",
        },
        "vex": {**_PATTERNS, "description": "OpenVEX files: what they say is not affected, or fixed, does not count."},
        "waivers": {
            "type": "array",
            "default": [],
            "description": "Vulnerabilities that somebody answers for, until a day.",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id", "owner", "reason", "expires"],
                "properties": {
                    "id": {"type": "string", "minLength": 1, "description": "The vulnerability."},
                    "owner": {"type": "string", "minLength": 1, "description": "Who answers for it."},
                    "reason": {"type": "string", "minLength": 1, "description": "Why it does no harm."},
                    "expires": {
                        "type": "string",
                        "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
                        "examples": ["2027-01-31"],
                        "description": "The last day on which it holds.",
                    },
                    "images": {**_PATTERNS, "description": "Patterns of images, without tag."},
                    "packages": {**_PATTERNS, "description": "Patterns of packages."},
                    "namespaces": {**_PATTERNS, "description": "Patterns of namespaces."},
                    "paths": {**_PATTERNS, "description": "Patterns of manifest files."},
                },
            },
        },
        "overrides": {
            "type": "array",
            "default": [],
            "description": "Other thresholds for some namespaces or files; of several that fit, the last one that says something counts.",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "namespaces": {**_PATTERNS, "description": "Patterns of namespaces; none: all."},
                    "paths": {**_PATTERNS, "description": "Patterns of manifest files; none: all."},
                    "severity": {"type": "string", "enum": list(SEVERITIES), "description": "As above."},
                    "ignore_unfixed": {"type": "boolean", "description": "As above."},
                    "on_unscanned": {"type": "string", "enum": [u.value for u in Unscanned], "description": "As above."},
                    "end_of_life": {"type": "string", "enum": [e.value for e in EndOfLife], "description": "As above."},
                },
            },
        },
        "updates": {
            "type": "array",
            "default": [],
            "description": "Repositories whose newer tags are told, when the registry is asked.",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["repository", "pattern"],
                "properties": {
                    "repository": {"type": "string", "minLength": 1, "description": "Pattern of the full name, docker.io/library/nginx."},
                    "pattern": {"type": "string", "minLength": 1, "description": "Regular expression for the whole tag."},
                },
            },
        },
        "sboms": {
            "type": "object",
            "additionalProperties": {"type": "string", "minLength": 1},
            "default": {},
            "description": "Bills of materials (CycloneDX or SPDX) to look up instead of scanning: image as the manifests name it -> file.",
        },
        "archives": {
            "type": "object",
            "additionalProperties": {"type": "string", "minLength": 1},
            "default": {},
            "description": "Image archives to scan instead of pulling: image as the manifests name it -> tar of `docker save`, or "
            "folder in OCI layout.",
        },
    },
}
