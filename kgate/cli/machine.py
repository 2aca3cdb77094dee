"""`kgate doctor`: what kgate finds on this machine, and what that lets it do."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kgate.errors import KgateError
from kgate.finding import clean
from kgate.report import Style
from kgate.report.style import columns

DEADLINE_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`state`: `ok`, `absent` (something optional) or `wrong` (kgate cannot do a run until it is mended)."""

    subject: str
    state: str
    told: str


def answers(settings_file: str | None) -> Iterator[Answer]:
    """Every question by itself: one that cannot be answered keeps none of the others back."""
    yield _python()
    yield from map(_library, (("yaml", "reads manifests"), ("jsonschema_rs", "judges by schemas"), ("msgspec", "makes objects")))
    yield _c_loader()
    yield from (_extra(*extra) for extra in _EXTRAS)
    yield _program("git", ["--version"], without="--base and --config base need it")
    yield _program("helm", ["version", "--short"], without="Helm charts are not rendered and count as not checked")
    yield _program("trivy", ["--version"], without="images are not scanned, unless another scanner is set")
    yield _settings(settings_file)
    yield _policies()


_EXTRAS = (
    ("cel_expr_python", "cel", "CEL of admission policies and definitions is not evaluated"),
    ("numpy", "numpy", "placement on large clusters is slower, and the same"),
)


def _python() -> Answer:
    return Answer(subject="python", state="ok", told=f"{platform.python_version()} at {sys.executable}")


def _library(named: tuple[str, str]) -> Answer:
    import importlib
    from importlib import metadata

    module, purpose = named
    distribution = {"yaml": "PyYAML", "jsonschema_rs": "jsonschema-rs"}.get(module, module)
    try:
        importlib.import_module(module)
        return Answer(subject=distribution, state="ok", told=f"{metadata.version(distribution)}, {purpose}")
    except ImportError as fault:
        return Answer(subject=distribution, state="wrong", told=f"cannot be loaded ({fault}): install kgate again")


def _c_loader() -> Answer:
    """The pure parser is ten times slower and recurses."""
    import yaml

    there = getattr(yaml, "__with_libyaml__", False)
    return Answer(
        subject="libyaml", state="ok" if there else "wrong", told="in use" if there else "missing: install a wheel of PyYAML that has it"
    )


def _extra(module: str, extra: str, without: str) -> Answer:
    from importlib.util import find_spec

    there = find_spec(module) is not None
    return Answer(
        subject=f"kgate[{extra}]",
        state="ok" if there else "absent",
        told="installed" if there else f"{without}: pip install 'kgate[{extra}]'",
    )


def _program(name: str, version: Sequence[str], *, without: str) -> Answer:
    """Found on PATH as a run would find it, and asked for its version in an environment of its own."""
    path = os.pathsep.join(p for p in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(p))  # noqa: PTH117
    found = shutil.which(name, path=path)
    if found is None:
        return Answer(subject=name, state="absent", told=f"not on PATH: {without}")
    environment = {"PATH": path, "HOME": os.devnull, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [found, *version], env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        return Answer(subject=name, state="wrong", told=f"{found} does not answer: {type(fault).__name__}")
    first = done.stdout.decode("utf-8", "replace").strip().split("\n")[0]
    if done.returncode or not first:
        return Answer(subject=name, state="wrong", told=f"{found} ends with {done.returncode} when asked for its version")
    return Answer(subject=name, state="ok", told=f"{first} at {found}")


def _settings(file: str | None) -> Answer:
    from kgate import config

    return _tried("settings", lambda: (config.settled(file), file or f"no {config.FILE_NAME} here: the defaults hold")[1])


def _policies() -> Answer:
    from kgate import policy

    return _tried("policies", lambda: f"{len(policy.catalog().policies)} built in")


def _tried(subject: str, answer: Callable[[], str]) -> Answer:
    try:
        return Answer(subject=subject, state="ok", told=answer())
    except KgateError as fault:
        return Answer(subject=subject, state="wrong", told=fault.message)


def as_text(found: Sequence[Answer], style: Style) -> str:
    colours = {"ok": "green", "absent": "yellow", "wrong": "red"}
    rows = [(a.state, a.subject, style.shown(clean(a.told))) for a in found]
    lines = columns(rows)
    return style.finished(
        [style.paint(colours[a.state], line[: len(a.state)]) + line[len(a.state) :] for a, line in zip(found, lines, strict=True)]
    )
