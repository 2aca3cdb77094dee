"""`kgate init`: looks at a repository, writes a settings file to begin with, and tells how to go on. It edits nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kgate.config import FILE_NAME, SCHEMA_ID
from kgate.errors import UsageError
from kgate.load.layout import KUSTOMIZATIONS
from kgate.report import counted

_PASSED_OVER = {".git", ".venv", "node_modules", "vendor", "__pycache__"}
MOST_FILES = 20_000
"""Beyond that looking stops: what was seen is enough to begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What there is, each as paths from the folder that was looked at, sorted."""

    kustomizations: tuple[str, ...]
    charts: tuple[str, ...]
    argo: tuple[str, ...]
    flux: tuple[str, ...]
    crds: tuple[str, ...]
    manifests: int

    def in_words(self) -> str:
        parts = [counted(n, *noun) for n, noun in self._counts() if n]
        return ", ".join(parts) or "no manifests yet"

    def _counts(self) -> tuple[tuple[int, tuple[str, str]], ...]:
        return (
            (self.manifests, ("file with Kubernetes objects", "files with Kubernetes objects")),
            (len(self.kustomizations), ("kustomization", "kustomizations")),
            (len(self.charts), ("Helm chart", "Helm charts")),
            (len(self.argo), ("file of Argo CD", "files of Argo CD")),
            (len(self.flux), ("file of Flux", "files of Flux")),
        )


def look(folder: Path) -> Layout:
    """By names and by a few words in the files: nothing is parsed, nothing is followed out of the folder."""
    found: dict[str, list[str]] = {"kustomizations": [], "charts": [], "argo": [], "flux": [], "crds": [], "plain": []}
    manifests = 0
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if path.name in KUSTOMIZATIONS:
            found["kustomizations"].append(name)
        elif path.name == "Chart.yaml":
            found["charts"].append(name)
        elif path.suffix in (".yaml", ".yml"):
            kinds = _kinds(path)
            manifests += bool(kinds)
            for kind in kinds:
                found[kind].append(name)
    return Layout(manifests=manifests, **{kind: tuple(sorted(set(names))) for kind, names in found.items() if kind != "plain"})


def _files(folder: Path) -> Iterator[Path]:
    seen = 0
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in _PASSED_OVER and not Path(where, f).is_symlink())
        for name in sorted(names):
            seen += 1
            if seen > MOST_FILES:
                return
            if (path := Path(where, name)).is_file() and not path.is_symlink():
                yield path


def _kinds(path: Path) -> list[str]:
    with path.open("rb") as file:
        text = file.read(65_536)
    if b"apiVersion:" not in text:
        return []
    marks = {"argo": b"argoproj.io/", "flux": b"toolkit.fluxcd.io/", "crds": b"kind: CustomResourceDefinition"}
    return [kind for kind, mark in marks.items() if mark in text] or ["plain"]


def settings_text(layout: Layout) -> str:
    """A file that changes nothing yet and shows where one would."""
    lines = [
        f"# yaml-language-server: $schema={SCHEMA_ID}",
        f"# Settings of kgate. Found here: {layout.in_words()}.",
        '# kubernetes_version: "1.36"       # what your API servers run; the newest known one unless given',
        "fail_on: error",
    ]
    if layout.flux and any(name.endswith("gotk-components.yaml") for name in (*layout.flux, *layout.crds)):
        lines.append('exclude: ["**/gotk-components.yaml"]   # Flux itself, as it installs it')
    lines += [
        "# policy:",
        "#   images: {allowed: [registry.example.com/]}",
        "#   rules: {image-tag-floating: error}",
        "# rollout:",
        "#   cluster: cluster.yaml           # kubectl get nodes,pods -A -o json | kgate snapshot > cluster.yaml",
    ]
    return "\n".join(lines) + "\n"


def write(folder: Path, text: str) -> Path:
    """Raises UsageError when there is one: settings are nobody's to overwrite."""
    target = folder / FILE_NAME
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{target}: there are settings already", hint="kgate config show tells what holds") from None
    except OSError as fault:
        raise UsageError(f"{target}: cannot be written: {fault.strerror}") from fault
    return target


NEXT = """\
next:
  kgate check                        the whole gate, here
  kgate check --base origin/main     the change on this branch, rollouts rehearsed
  kgate check --write-baseline kgate-baseline.json    take what is there as known; from now on only new findings fail

.pre-commit-config.yaml:
  repos:
    - repo: https://github.com/OWNER/kgate
      rev: main            # pin a commit
      hooks: [{id: kgate}, {id: kgate-gate}, {id: kgate-config}]

.github/workflows/kgate.yaml:
  on: pull_request
  permissions: {contents: read}
  jobs:
    kgate:
      runs-on: ubuntu-latest
      steps:
        - uses: actions/checkout@v4
          with: {fetch-depth: 0, persist-credentials: false}
        - uses: OWNER/kgate@main     # pin a commit
"""
