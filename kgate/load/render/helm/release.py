"""One release of a chart: `helm template` on a copy, offline, and its objects with the lines of the templates that wrote them."""

from __future__ import annotations

import os
import posixpath
import re
import sys
from collections.abc import Mapping

from msgspec import Struct, field

from kgate.finding import clean
from kgate.load.render.helm import chart as charts
from kgate.load.render.helm import traced
from kgate.load.render.kustomize.folder import Budget, Shelf
from kgate.load.render.nodes import Node
from kgate.load.render.rendering import NotRendered

NOT_FOUND = "helm is not on PATH"
_RELEASE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,51}[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


class Values(Struct, frozen=True, kw_only=True):
    """What a release is given, in the order in which later ones win."""

    texts: tuple[bytes, ...] = ()
    """Values files."""
    sets: tuple[tuple[str, str], ...] = ()
    """Flag (`set`, `set-string`) and `name=value`."""
    files: tuple[tuple[str, bytes], ...] = ()
    """For `--set-file`: name and content."""


class Release(Struct, frozen=True, kw_only=True):
    """What is to be rendered."""

    folder: str
    """The real folder of the chart."""
    name: str
    namespace: str
    values: Values = field(default_factory=Values)
    crds: bool = True
    api_versions: tuple[str, ...] = ()
    kubernetes_version: str = ""
    """Instead of the run's."""


class Helm:
    """The `helm` of a run, looked up once and never in the repository."""

    def __init__(self, kubernetes_version: str = "") -> None:
        self._version = kubernetes_version
        self._program: str | None = None
        self._answers: dict[tuple[object, ...], list[Node] | NotRendered] = {}

    @property
    def program(self) -> str:
        """Its path; empty when there is none."""
        if self._program is None:
            import shutil

            self._program = "" if sys.platform == "win32" else shutil.which("helm", path=_path()) or ""
        return self._program

    def objects(self, shelf: Shelf, release: Release, top: str, budget: Budget) -> list[Node]:
        """The objects of a release, to be copied before they are changed. Raises NotRendered."""
        if not self.program:
            raise NotRendered(NOT_FOUND)
        chart = charts.chart_of(shelf, release.folder, top, budget)
        if chart.library:
            raise NotRendered("a library chart makes no objects")
        key = (release.folder, release.name, release.namespace, release.values, release.crds, release.api_versions,
               release.kubernetes_version)  # fmt: skip
        if key not in self._answers:
            try:
                self._answers[key] = traced.objects(shelf, chart, self._template(shelf, chart, release))
            except NotRendered as e:
                self._answers[key] = e
        found = self._answers[key]
        if isinstance(found, NotRendered):
            raise found
        return [n.copy() for n in found]

    def _template(self, shelf: Shelf, chart: charts.Chart, release: Release) -> str:
        """What `helm template` says. Raises NotRendered."""
        import tempfile

        from kgate.load.render.helm import child

        for pattern, text, what in ((_RELEASE, release.name, "release"), (_NAMESPACE, release.namespace, "namespace")):
            if not pattern.fullmatch(text):
                raise NotRendered(f"{text[:100]!r} is no name of a {what}")
        with tempfile.TemporaryDirectory(prefix="kgate-helm-") as folder:
            here = os.path.realpath(folder)
            charts.copy(shelf, chart, os.path.join(here, "chart"))  # noqa: PTH118
            argv = [self.program, "template", release.name, "chart", *self._flags(release), *_given(here, release.values)]
            try:
                done = child.run(argv, folder=here, environment=_environment(here))
            except OSError as e:
                raise NotRendered(f"helm cannot be started: {(e.strerror or 'input/output error').lower()}") from e
        return _answer(done, here)

    def _flags(self, release: Release) -> list[str]:
        version = release.kubernetes_version or self._version
        flags = [f"--namespace={release.namespace}", *([f"--kube-version={version}"] if version else [])]
        flags += ["--skip-tests", "--include-crds" if release.crds else "--skip-crds"]
        return [*flags, *(f"--api-versions={v}" for v in release.api_versions)]


def _given(here: str, values: Values) -> list[str]:
    """The flags for the values, whose files are written."""
    flags = []
    for n, text in enumerate(values.texts):
        flags.append(f"--values={_written(here, f'values-{n}.yaml', text)}")
    for n, (name, data) in enumerate(values.files):
        flags.append(f"--set-file={name}={_written(here, f'file-{n}', data)}")
    return [*flags, *(f"--{flag}={text}" for flag, text in values.sets)]


def _written(here: str, name: str, data: bytes) -> str:
    with open(os.path.join(here, name), "xb") as file:  # noqa: PTH118, PTH123
        file.write(data)
    return name


def _path() -> str:
    """An empty or relative entry of PATH would look for programs in the repository."""
    return os.pathsep.join(p for p in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(p))  # noqa: PTH117


def _environment(here: str) -> Mapping[str, str]:
    """Nothing of the machine but PATH, and no way to a cluster or to the network for those who ask their environment."""
    own = {name: os.path.join(here, "helm", name.lower()) for name in _HELM}  # noqa: PTH118
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    return {"PATH": _path(), "HOME": here, "TMPDIR": here, "LANG": "C", "KUBECONFIG": os.devnull, "GOMAXPROCS": "2", **own, **nowhere}


_HELM = (
    "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS", "HELM_REPOSITORY_CONFIG", "HELM_REPOSITORY_CACHE",
    "HELM_REGISTRY_CONFIG",
)  # fmt: skip


def _answer(done: object, here: str) -> str:
    from kgate.load.render.helm.child import Done

    assert isinstance(done, Done)
    if done.stopped:
        raise NotRendered(f"helm was stopped: {done.stopped}")
    if done.code:
        said = done.said.decode("utf-8", "replace").replace(here + "/", "").strip().splitlines()
        told = next((line for line in said if line.startswith("Error:")), said[-1] if said else "")
        raise NotRendered(f"helm: {clean(told.removeprefix('Error:').strip(), limit=400) or f'exit code {done.code}'}")
    try:
        return done.output.decode("utf-8")
    except UnicodeDecodeError as e:
        raise NotRendered("the output of helm is not UTF-8") from e


def values_file(shelf: Shelf, folder: str, path: str, top: str) -> tuple[str, bytes] | None:
    """Real path and content of a values file; None when there is none. Raises NotRendered for one outside of the repository."""
    real = shelf.files.real(posixpath.join(folder, path))
    if "\0" in path or not (top in (".", "/") or real.startswith(top + "/")):
        raise NotRendered(f"{path[:100]} lies outside of the repository")
    data = shelf.data(real)
    return None if data is None else (real, data)
