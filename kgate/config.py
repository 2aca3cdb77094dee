"""`.kgate.yaml` and flags -> Options. Unknown keys are errors with a line and a did-you-mean; nothing is ever ignored."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, NoReturn

from msgspec import structs

from kgate.errors import ConfigError, KgateError, SettingError, UsageError
from kgate.finding import Finding, Rule, Severity, Stage
from kgate.images.settings import ImagesSettings
from kgate.manifest import Location, Path, Source
from kgate.policy.settings import PolicySettings
from kgate.rollout.settings import RolloutSettings

if TYPE_CHECKING:
    from datetime import date

    from kgate.load.git import Exported
    from kgate.load.render.settings import RenderSettings
    from kgate.waivers.settings import SettingsWaiver

FILE_NAME = ".kgate.yaml"
SCHEMA_ID = "https://json.schemastore.org/kgate.json"

SETTINGS_CHANGED = Rule(
    id="KG9101",
    name="settings-changed",
    stage=Stage.LOAD,
    severity=Severity.INFO,
    summary="the change touches the settings that kgate judges it by",
    why="With --config base the settings of the base hold, so that a pull request cannot loosen its own gate.",
    remediation="have the settings reviewed on their own; they hold for changes that come after them",
)
RULES = (SETTINGS_CHANGED,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Where the settings of a run come from when they are those of the base: a change shall not loosen what judges it."""

    commit: str
    folder: str
    """Where the settings and the files they name were written to."""
    file: str | None
    """The settings file of the working tree, or where it would be."""
    changed: bool
    """The working tree has other settings than the base, and not those with which it went off."""

    def named(self, text: str) -> str:
        """`text` with every file of the base as git names it, `1a2b3c4d5e6f:.kgate.yaml`."""
        return text.replace(os.path.join(self.folder, ""), f"{self.commit[:12]}:")  # noqa: PTH118

    def told(self, findings: Iterable[Finding]) -> Iterable[Finding]:
        """The findings, those about the settings at the place where these come from; and one more when the change touches the settings."""
        for f in findings:
            yield structs.replace(f, file=self.named(f.file), message=self.named(f.message)) if self.folder in f.file + f.message else f
        if self.changed:
            message = f"the settings differ from those at the base {self.commit[:12]}, which hold for this run"
            yield Finding.in_file(self.file or FILE_NAME, Location(line=1, column=1), rule=SETTINGS_CHANGED, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that a run depends on, apart from the files themselves."""

    paths: tuple[str, ...] = (".",)
    """Files, folders, or `-` for standard input."""
    stages: tuple[Stage, ...] = tuple(Stage)
    kubernetes_version: str = ""
    """`1.36`; empty: the newest that kgate knows."""
    fail_on: Severity = Severity.ERROR
    exclude: tuple[str, ...] = ()
    """Patterns of files not to look at, as git writes them, from the folder of the settings file."""
    force_exclude: bool = False
    """Exclude files that are named on the command line as well (pre-commit names every file)."""
    crds: tuple[str, ...] = ()
    """Files and folders with CustomResourceDefinitions that judge custom resources and are not judged themselves."""
    base: str | None = None
    """A git revision: Deployments are rolled out from their state there."""
    offline: bool = False
    cache: bool = True
    jobs: int = 1
    """Processes at a time, where there is enough to do; 0: as many as the machine has processors. Scans have their own number."""
    settings_file: str | None = None
    """Where the settings below come from; None: nobody wrote any."""
    guard: Guard | None = None
    """The settings are those of the base; None: those of the working tree."""
    waivers: tuple[SettingsWaiver, ...] = ()
    waive: bool = True
    """False: as if nobody had waived anything."""
    baseline: str | None = None
    """The file that knows old findings."""
    baseline_root: str | None = None
    """The folder from which the baseline names files; None: its own."""
    write_baseline: str | None = None
    """The file that shall know the findings of this run; `baseline` then does not count."""
    today: date | None = None
    """The day on which waivers hold; None: today in UTC, or that of SOURCE_DATE_EPOCH."""
    render: RenderSettings | None = None
    """None: nobody says anything about it."""
    policy: PolicySettings = field(default_factory=PolicySettings)
    images: ImagesSettings = field(default_factory=ImagesSettings)
    rollout: RolloutSettings = field(default_factory=RolloutSettings)


def discover(paths: Sequence[str], *, named: str | None = None) -> str | None:
    """The settings file of a run, relative to the working directory where possible; None when there is none.

    `named` (`--config`, KGATE_CONFIG) replaces the search. Otherwise it is the one in the folder to check, when that is the only
    path and has one; then the one at the root of the git repository, or in the working directory outside of one. Nothing above, nothing
    in $HOME: the same commit gets the same answer everywhere.
    """
    if named:
        if not FilePath(named).is_file():
            raise UsageError(f"{named}: no such settings file", hint="--config and KGATE_CONFIG name a file like .kgate.yaml")
        return named
    return next((os.path.relpath(file) for file in candidates(paths) if FilePath(file).is_file()), None)


def candidates(paths: Sequence[str], *, named: str | None = None) -> list[str]:
    """The files that `discover` looks for, best first, whether they are there or not."""
    if named:
        return [named]
    only = [paths[0]] if len(paths) == 1 and paths[0] != "-" and FilePath(paths[0]).is_dir() else []
    return [os.path.join(folder, FILE_NAME) for folder in (*only, _git_root() or ".")]  # noqa: PTH118


def _git_root() -> str | None:
    """The nearest folder upwards that holds `.git`, a folder or (in a worktree) a file."""
    here = FilePath.cwd()
    return next((str(folder) for folder in (here, *here.parents) if (folder / ".git").exists()), None)


def settled(file: str | None) -> Options:
    """The options that the settings file asks for, or the defaults. Raises ConfigError with file, line and column."""
    if file is None:
        return Options()
    from kgate import load

    body, source = load.settings_file(file)
    return from_config(body, source, file=file)


def settled_at_base(ref: str, paths: Sequence[str], *, folder: str) -> Options:
    """The options that the settings ask for at `ref`, with each file they name as it is there.

    `folder` is empty and private; the files are written below it. The settings file is looked for where `discover` looks, and is the one
    of `ref`, whether the working tree still has it or not; without one the defaults hold. Raises UsageError, ConfigError.
    """
    from kgate.load import git

    base = git.exported(ref, folder)
    at = next((place for place in _places(paths, base.top) if place in base.blobs or base.is_link(place)), None)
    if at is not None and at not in base.blobs:
        raise UsageError(f"{base.commit[:12]}:{at} is a symbolic link, and links are not followed", hint="commit the settings themselves")
    mine = discover(paths)
    base.write([at] if at else [])
    old = FilePath(folder, *at.split("/")) if at else None
    now = FilePath(mine).read_bytes() if mine else None
    # Settings that only the base has changed since are none of this change's doing.
    changed = now != (old.read_bytes() if old else None) and now != base.before(at or _places(paths, base.top)[-1])
    guard = Guard(commit=base.commit, folder=folder, file=mine, changed=changed)
    if at is None or old is None:
        return Options(guard=guard)
    try:
        return replace(_read_at_base(base, at, str(old)), guard=guard)
    except KgateError as fault:
        raise type(fault)(guard.named(fault.message), hint=guard.named(fault.hint)) from fault


def _read_at_base(base: Exported, at: str, old: str) -> Options:
    from kgate import load

    body, source = load.settings_file(old)
    base.write(os.path.normpath(os.path.join(os.path.dirname(at), text)) for text in _texts_in(body))  # noqa: PTH118, PTH120
    return from_config(body, source, file=old, home=os.path.relpath(FilePath(base.top, *at.split("/"))))


def _places(paths: Sequence[str], top: str) -> list[str]:
    """Where `discover` looks for the settings file, from the root of the repository; whatever the change has made of the paths."""
    only = [_below(paths[0], top)] if len(paths) == 1 and paths[0] != "-" else []
    return [os.path.normpath(os.path.join(folder, FILE_NAME)).replace(os.sep, "/") for folder in (*only, ".")]  # noqa: PTH118


def _below(path: str, top: str) -> str:
    """As it is written: a link that the change has put in its place would lead to the settings of another folder."""
    absolute = FilePath(os.path.abspath(path))  # noqa: PTH100
    above = next((p for p in (*reversed(absolute.parents), absolute) if os.path.realpath(p) == top), None)
    return "." if above is None else str(absolute.relative_to(above))


def _texts_in(value: object) -> Iterable[str]:
    """Every text in the settings: those that name a file or a folder of the base are taken from there."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inside in value.values():
            yield from _texts_in(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _texts_in(inside)


def from_config(body: object, source: Source | None, *, file: str, home: str | None = None) -> Options:
    """An empty file is no settings. Files that it names are taken from the folder of `file`, patterns hold from that of `home`."""
    place = _Place(file=file, source=source)
    body = {} if body is None else body
    if not isinstance(body, Mapping):
        place.refuse((), "settings must be a mapping")
    place.known(body, _TOP)
    options = Options(
        settings_file=file,
        kubernetes_version=_version(body.get("kubernetes_version"), place),
        fail_on=_fail_on(body.get("fail_on"), place),
        exclude=_texts("exclude", body.get("exclude"), place, "patterns", "a pattern such as vendor/**"),
        crds=_texts("crds", body.get("crds"), place, "paths", "a path such as crds/"),
        waivers=_waivers(body["waivers"], place) if body.get("waivers") is not None else (),
        baseline=_baseline(body.get("baseline"), place),
    )
    sections = {name: body[name] for name in _SECTIONS if body.get(name) is not None}
    built = {name: _section(name, place.as_written(value, (name,)), place, file) for name, value in sections.items()}
    return _homed(replace(options, **built), file, home or file)


_SECTIONS = ("policy", "images", "rollout", "render")
_TOP = ("kubernetes_version", "fail_on", "exclude", "crds", "waivers", "baseline", *_SECTIONS)
_FAIL_ON = (Severity.ERROR, Severity.WARNING)
_WORD = re.compile(r"(?:y|yes|on|n|no|off)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Turns a path inside the settings into `file:line:column`."""

    file: str
    source: Source | None

    def refuse(self, path: Path, message: str, *, hint: str = "", key: bool = False) -> NoReturn:
        if self.source is None:
            raise ConfigError(f"{self.file}: {'.'.join(map(str, path)) or 'settings'}: {message}", hint=hint)
        at = self.source.locate(0, path, key=key)
        raise ConfigError.at(self.file, at.line, at.column, message, hint=hint)

    def as_written(self, value: Any, path: Path) -> Any:
        """`off` is the text "off" here, as YAML 1.2 and every editor say; manifests are read as Kubernetes does, where it is false."""
        if isinstance(value, Mapping):
            return {key: self.as_written(v, (*path, key)) for key, v in value.items()}
        if isinstance(value, list):
            return [self.as_written(v, (*path, i)) for i, v in enumerate(value)]
        return self._word(path) or value if isinstance(value, bool) else value

    def _word(self, path: Path) -> str:
        """The word that was written for the boolean at `path`; empty when it is true or false."""
        if self.source is None:
            return ""
        at = self.source.locate(0, path, key=False)
        word = _WORD.match(self.source.lines()[at.line - 1], at.column - 1)
        return word.group() if word else ""

    def known(self, body: Mapping[Any, Any], keys: Sequence[str]) -> None:
        for key in body:
            if key not in keys:
                self.refuse((key,), f"unknown key {str(key)!r}", hint=nearest(str(key), keys), key=True)


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean 'fail_on'?`, or all that is known when nothing is near."""
    import difflib

    names = list(known)
    close = difflib.get_close_matches(word.replace("-", "_"), names, n=1, cutoff=0.6) or difflib.get_close_matches(word, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"


def _section(name: str, value: object, place: _Place, file: str) -> Any:
    """The settings of one room, built by the room itself. Policies are read at once, from the folder of `file`: their names are keys."""
    import importlib

    room = importlib.import_module(f"kgate.{'load.' if name == 'render' else ''}{name}.settings")
    try:
        folder = {"folder": str(FilePath(file).parent)} if name == "policy" else {}
        return room.from_config(value, **folder)
    except SettingError as fault:
        place.refuse((name, *fault.path), fault.message, hint=fault.hint, key=fault.key)


def _homed(options: Options, file: str, home: str) -> Options:
    """Files that the settings name are taken from the folder of the settings file, wherever kgate is started."""

    def homed(name: str) -> str:
        return os.path.normpath(FilePath(file).parent / name)

    images, cluster = options.images, options.rollout.cluster
    return replace(
        options,
        exclude=tuple(_from(os.path.relpath(FilePath(home).parent), pattern) for pattern in options.exclude),
        crds=tuple(homed(path) for path in options.crds),
        waivers=tuple(w.below(lambda pattern: _from(os.path.relpath(FilePath(home).parent), pattern)) for w in options.waivers),
        baseline=homed(options.baseline) if options.baseline else None,
        baseline_root=str(FilePath(home).parent / FilePath(options.baseline).parent) if options.baseline else None,
        images=images.homed(homed),
        render=options.render.homed(homed) if options.render else None,
        rollout=replace(options.rollout, cluster=homed(cluster) if cluster else None),
    )


def _from(folder: str, pattern: str) -> str:
    """The pattern as it reads from the working directory, when the settings' `folder` lies below it.

    `vendor/**` of shop/.kgate.yaml is `shop/vendor/**`; `vendor/` (no slash inside: anywhere) is `shop/**/vendor/`.
    """
    if folder == "." or folder.startswith(".."):
        return pattern
    return f"{folder}/{pattern.lstrip('/')}" if "/" in pattern.rstrip("/") else f"{folder}/**/{pattern}"


def _version(value: object, place: _Place) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        place.refuse(("kubernetes_version",), "must be a text", hint='write it in quotes: "1.36"; 1.30 without them is the number 1.3')
    try:
        return version(value)
    except UsageError as fault:
        place.refuse(("kubernetes_version",), fault.message, hint=fault.hint)


def version(text: str) -> str:
    """`1.36`, `v1.36` and `1.36.2` are `1.36`. Raises UsageError for what kgate has no schemas of."""
    from kgate.validate import NEWEST, VERSIONS

    minor = ".".join(text.removeprefix("v").split(".")[:2])
    if minor not in VERSIONS:
        raise UsageError(f"Kubernetes {text!r} is not known", hint=f"known: {VERSIONS[0]} to {NEWEST}")
    return minor


def held_to(policy: PolicySettings, standard: str) -> PolicySettings:
    """The settings with another Pod Security Standard, `LEVEL[:VERSION]`. Raises UsageError."""
    import msgspec

    from kgate.policy.standard import parse

    try:
        return msgspec.structs.replace(policy, pod_security=parse(standard))
    except ValueError as fault:
        raise UsageError(f"--pod-security: {fault}", hint="write for example baseline or restricted:1.30") from None


def _waivers(value: object, place: _Place) -> tuple[SettingsWaiver, ...]:
    from kgate.waivers.settings import from_config as read

    try:
        return read(place.as_written(value, ("waivers",)))
    except SettingError as fault:
        place.refuse(("waivers", *fault.path), fault.message, hint=fault.hint, key=fault.key)


def _baseline(value: object, place: _Place) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        place.refuse(("baseline",), "must be the name of a file", hint="kgate check --write-baseline FILE writes one")
    return value


def _fail_on(value: object, place: _Place) -> Severity:
    if value is None:
        return Severity.ERROR
    if value not in _FAIL_ON:
        place.refuse(("fail_on",), "must be error or warning", hint=nearest(str(value), _FAIL_ON))
    return Severity(str(value))


def _texts(key: str, value: object, place: _Place, what: str, example: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        place.refuse((key,), f"must be a list of {what}")
    for i, text in enumerate(value):
        if not isinstance(text, str) or not text:
            place.refuse((key, i), f"must be {example}")
    return tuple(value)


def schema() -> dict[str, Any]:
    """The JSON schema (draft-07) of the settings file: this floor's keys and what each room says of its own."""
    from kgate.images.schema import SCHEMA as IMAGES
    from kgate.load.render.settings import SCHEMA as RENDER
    from kgate.policy.settings import SCHEMA as POLICY
    from kgate.rollout.settings import SCHEMA as ROLLOUT
    from kgate.validate import VERSIONS
    from kgate.waivers.settings import SCHEMA as WAIVERS

    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": SCHEMA_ID,
        "title": "kgate settings",
        "description": "Settings of kgate: .kgate.yaml at the root of the repository.",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            "kubernetes_version": {
                "description": "The Kubernetes minor version whose API server will get the objects; the newest known one unless given.",
                "type": ["string", "null"],
                "pattern": f"^v?({'|'.join(v.replace('.', '[.]') for v in VERSIONS)})([.].*)?$",
                "examples": [VERSIONS[-1]],
            },
            "fail_on": {
                "description": "The mildest severity that makes the gate fail.",
                "enum": [*map(str, _FAIL_ON), None],
                "default": "error",
            },
            "exclude": {
                "description": "Patterns of files not to look at, from the folder of this file.",
                "type": ["array", "null"],
                "items": {"description": "A pattern such as vendor/**.", "type": "string", "minLength": 1},
                "default": [],
            },
            "crds": {
                "description": "Files and folders of CustomResourceDefinitions outside of the check, from the folder of this file.",
                "type": ["array", "null"],
                "items": {"description": "A path such as crds/.", "type": "string", "minLength": 1},
                "default": [],
            },
            "waivers": {**WAIVERS, "type": ["array", "null"]},
            "baseline": {
                "description": "The file of findings that are known and do not count, from the folder of this file. See docs/waivers.md.",
                "type": ["string", "null"],
                "minLength": 1,
                "default": None,
            },
            "policy": _nullable(POLICY),
            "images": _nullable(IMAGES),
            "rollout": _nullable(ROLLOUT),
            "render": _nullable(RENDER),
        },
    }


def _nullable(fragment: Mapping[str, Any]) -> dict[str, Any]:
    """A key without a value counts as absent, as everywhere in Kubernetes."""
    return {**fragment, "type": ["object", "null"]}
