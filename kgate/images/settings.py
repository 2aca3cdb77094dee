"""What may be decided about the images stage, under `images:` in `.kgate.yaml`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kgate.errors import SettingError
from kgate.manifest import Path
from kgate.reference import ImageReference, parse

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")
"""Worst first. UNKNOWN is what nobody has rated, not what is harmless."""


MAX_NUMBER = 1e9
"""Seconds or days: more cannot be meant, and would overflow a clock."""


class Unscanned(StrEnum):
    """What an image means that could not be scanned, or not be looked up."""

    REPORT = "report"
    WARN = "warn"
    FAIL = "fail"


class EndOfLife(StrEnum):
    FAIL = "fail"
    WARN = "warn"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """Somebody has looked at a vulnerability and answers for it, for a while."""

    id: str
    """`CVE-2023-4911`."""
    owner: str
    reason: str
    expires: str
    """ISO date; the last day on which it holds."""
    images: tuple[str, ...] = ()
    """Patterns of images without tag, `docker.io/library/*`; empty for all, here and below."""
    packages: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    """Patterns of manifest files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Other thresholds for some namespaces or files. None: as everywhere else."""

    namespaces: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    severity: str | None = None
    ignore_unfixed: bool | None = None
    on_unscanned: Unscanned | None = None
    end_of_life: EndOfLife | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Tags of which newer ones are told: a regular expression for the whole tag."""

    repository: str
    pattern: str


class Scan(StrEnum):
    REQUIRED = "required"
    IF_AVAILABLE = "if-available"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesSettings:
    """Without any settings kgate reads no image: it uses no network, and nobody told it of an archive."""

    scan: Scan = Scan.IF_AVAILABLE
    scanner: str = "trivy"
    trivy: str = "trivy"
    """A name looked up on PATH, or an absolute path."""
    cache_dir: str = ""
    """Where Trivy keeps its database; empty for Trivy's own place."""
    platform: str = "linux/amd64"
    severity: str = "HIGH"
    """The lowest severity that is an error."""
    ignore_unfixed: bool = True
    """Vulnerabilities nobody has fixed are no errors; critical ones are still warned of."""
    max_database_age_days: float = 7
    timeout_s: float = 300
    """For one image."""
    timeout_all_s: float = 1800
    """For all images of a run together."""
    jobs: int = 4
    """Images scanned at once, at most."""
    offline: bool = False
    """Never pull, whatever `pull` says. `--offline` sets it; it is no key of the file."""
    pull: bool = False
    registries: tuple[str, ...] = ()
    """Registries to pull from, `host[:port]`; empty for every public one."""
    archives: Mapping[str, str] = field(default_factory=dict)
    """Image as the manifests name it -> `docker save` tar or OCI layout folder; relative to the working directory."""
    sboms: Mapping[str, str] = field(default_factory=dict)
    """Image -> bill of materials, likewise."""
    registry: bool = False
    """Ask registries whether images are there; pulling asks as well."""
    networks: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    ca_file: str = ""
    registry_timeout_s: float = 30
    server: str = ""
    """URL of a Trivy server; its token is in TRIVY_TOKEN."""
    on_unscanned: Unscanned = Unscanned.REPORT
    end_of_life: EndOfLife = EndOfLife.WARN
    exclude_packages: tuple[str, ...] = ()
    exclude_paths: tuple[str, ...] = ()
    kev: str = ""
    vex: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    overrides: tuple[Override, ...] = ()
    updates: tuple[Update, ...] = ()
    cache: bool = True
    """Remember answers from run to run. `--no-cache` clears it; it is no key of the file."""

    def local(self, reference: ImageReference) -> tuple[str, str] | None:
        """The setting and the file that stand for the image, when there is one."""
        for name, files in (("archives", self.archives), ("sboms", self.sboms)):
            for image, file in sorted(files.items()):
                if parse(image) == reference:
                    return name, file
        return None

    def homed(self, home: Callable[[str], str]) -> ImagesSettings:
        """With every file that they name taken from another folder."""
        import dataclasses

        single: dict[str, Any] = {name: home(file) for name in ("cache_dir", "kev", "ca_file") if (file := getattr(self, name))}
        return dataclasses.replace(
            self,
            archives={image: home(file) for image, file in self.archives.items()},
            sboms={image: home(file) for image, file in self.sboms.items()},
            vex=tuple(home(file) for file in self.vex),
            **single,
        )


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
        "scanner": {"type": "string", "enum": ["trivy"], "default": "trivy", "description": "The scanner to ask."},
        "trivy": {
            "type": "string",
            "minLength": 1,
            "default": "trivy",
            "description": "The trivy executable: a name on PATH, or an absolute path outside the working directory.",
        },
        "cache_dir": {
            "type": "string",
            "default": "",
            "description": "Folder of Trivy's vulnerability database (the one that holds db/trivy.db). Default: Trivy's own cache folder.",
        },
        "platform": {
            "type": "string",
            "pattern": "^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$",
            "default": "linux/amd64",
            "description": "The platform of the nodes, as os/architecture: which image of a multi-platform image is scanned.",
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
            "description": "URL of a Trivy server that looks vulnerabilities up; its token is taken from TRIVY_TOKEN.",
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


def from_config(mapping: Mapping[str, Any], *, offline: bool = False) -> ImagesSettings:
    """The settings under `images:`. Raises SettingError, also for an archive whose image is no reference."""
    for fault in _faults(mapping, SCHEMA, ()):
        raise fault
    values: dict[str, Any] = dict(mapping)
    if "scan" in values:
        values["scan"] = Scan(values["scan"])
    for key in ("registries", "networks", "insecure", "exclude_packages", "exclude_paths", "vex"):
        values[key] = tuple(values.get(key, ()))
    if "on_unscanned" in values:
        values["on_unscanned"] = Unscanned(values["on_unscanned"])
    if "end_of_life" in values:
        values["end_of_life"] = EndOfLife(values["end_of_life"])
    values["waivers"] = tuple(_waiver(w, ("waivers", i)) for i, w in enumerate(values.get("waivers", ())))
    values["overrides"] = tuple(_override(o) for o in values.get("overrides", ()))
    values["updates"] = tuple(_update(u, ("updates", i)) for i, u in enumerate(values.get("updates", ())))
    _check_images(values)
    _check_networks(values["networks"])
    return ImagesSettings(offline=offline, **values)


def _check_images(values: Mapping[str, Any]) -> None:
    for key in ("archives", "sboms"):
        for image in values.get(key, ()):
            try:
                parse(image)
            except ValueError as e:
                raise SettingError((key, image), f"`{image}` is no image reference: {e}") from e


def _check_networks(networks: Sequence[str]) -> None:
    from ipaddress import ip_network

    for index, network in enumerate(networks):
        try:
            ip_network(network, strict=False)
        except ValueError as e:
            raise SettingError(("networks", index), f"`{network}` is no network", "for example 10.0.0.0/8") from e


def _tuples(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, (list, tuple)) else value for key, value in mapping.items()}


def _waiver(mapping: Mapping[str, Any], path: Path) -> Waiver:
    from datetime import date

    try:
        date.fromisoformat(mapping["expires"])
    except ValueError as e:
        raise SettingError((*path, "expires"), f"there is no day {mapping['expires']}", "for example 2027-01-31") from e
    return Waiver(**_tuples(mapping))


def _override(mapping: Mapping[str, Any]) -> Override:
    values = _tuples(mapping)
    for key, kind in (("on_unscanned", Unscanned), ("end_of_life", EndOfLife)):
        if key in values:
            values[key] = kind(values[key])
    return Override(**values)


def _update(mapping: Mapping[str, Any], path: Path) -> Update:
    import re

    try:
        re.compile(mapping["pattern"])
    except re.error as e:
        raise SettingError((*path, "pattern"), f"it is no regular expression: {e}") from e
    return Update(**mapping)


_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "object": ((Mapping,), "a mapping"),
    "array": ((list, tuple), "a list"),
    "string": ((str,), "a text"),
    "boolean": ((bool,), "true or false"),
    "integer": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
}


def _faults(value: Any, schema: Mapping[str, Any], path: Path) -> Iterator[SettingError]:
    """What of the JSON schema's few words used above `value` breaks: jsonschema itself would cost the start-up more than the stage."""
    kinds, words = _TYPES[schema["type"]]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        yield SettingError(path, f"must be {words}, not {_shown(value)}")
    elif isinstance(value, Mapping):
        yield from _faults_of_keys(value, schema, path)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _faults(item, schema["items"], (*path, index))
    else:
        yield from _faults_of_scalar(value, schema, path)


def _faults_of_keys(value: Mapping[str, Any], schema: Mapping[str, Any], path: Path) -> Iterator[SettingError]:
    known, others = schema.get("properties", {}), schema["additionalProperties"]
    for key in schema.get("required", ()):
        if key not in value:
            yield SettingError(path, f"`{key}` is missing", f"known: {', '.join(known)}")
    for key, item in value.items():
        if key in known:
            yield from _faults(item, known[key], (*path, key))
        elif others:
            yield from _faults(key, {"type": "string"}, (*path, key))
            yield from _faults(item, others, (*path, key))
        else:
            yield SettingError((*path, key), f"`{key}` is no setting of images", _did_you_mean(str(key), known), key=True)


def _faults_of_scalar(value: Any, schema: Mapping[str, Any], path: Path) -> Iterator[SettingError]:
    import re

    if "enum" in schema and value not in schema["enum"]:
        hint = _did_you_mean(str(value), schema["enum"])
        yield SettingError(path, f"must be one of {', '.join(schema['enum'])}, not {_shown(value)}", hint)
    elif "pattern" in schema and not re.search(schema["pattern"], value):
        yield SettingError(
            path,
            f"{_shown(value)} has not the form {schema['pattern']}",
            f"for example {schema.get('examples', [schema.get('default')])[0]}",
        )
    elif len(value) < schema.get("minLength", 0) if isinstance(value, str) else False:
        yield SettingError(path, "must not be empty")
    elif not isinstance(value, str) and not _in_range(value, schema):
        yield SettingError(path, f"{value} is out of range")


def _in_range(value: float, schema: Mapping[str, Any]) -> bool:
    # NaN fails every comparison, so it is out of every range
    low = value > schema["exclusiveMinimum"] if "exclusiveMinimum" in schema else value >= schema.get("minimum", value)
    return bool(low and value <= schema.get("maximum", MAX_NUMBER))


def _did_you_mean(word: str, known: Any) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, [str(k) for k in known], n=1)
    return f"did you mean `{close[0]}`?" if close else f"known: {', '.join(str(k) for k in known)}"


def _shown(value: Any) -> str:
    return repr(value) if len(repr(value)) < 60 else repr(value)[:60] + "..."
