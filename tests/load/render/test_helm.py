"""Charts by way of a `helm` on PATH: here a program that plays what `helm template` says, or misbehaves."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from kgate import load
from kgate.load.render.helm import child
from kgate.load.render.helm.lines import Template
from kgate.load.render.settings import HelmRelease, RenderSettings

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "web.fullname" . }}
  labels:
    {{- include "web.labels" . | nindent 4 }}
spec:
  {{- if not .Values.autoscaling.enabled }}
  replicas: {{ .Values.replicaCount }}
  {{- end }}
  selector:
    matchLabels: {app: web}
  template:
    spec:
      containers:
        - name: web
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          ports:
            {{- range .Values.ports }}
            - containerPort: {{ . }}
            {{- end }}
          securityContext:
            {{- if .Values.secure }}
            {{- toYaml .Values.securityContext | nindent 12 }}
            {{- else }}
            privileged: true
            {{- end }}
"""
RENDERED = """\
---
# Source: web/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    app: web
    helm.sh/chart: web-1
spec:
  replicas: 3
  selector:
    matchLabels: {app: web}
  template:
    spec:
      containers:
        - name: web
          image: "nginx:latest"
          ports:
            - containerPort: 80
            - containerPort: 81
          securityContext:
            privileged: true
"""
CHART = {
    "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "charts/web/values.yaml": "replicaCount: 3\n",
    "charts/web/templates/deployment.yaml": DEPLOYMENT,
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "repo").mkdir()
    monkeypatch.chdir(tmp_path / "repo")
    return tmp_path / "repo"


def write(tree: dict[str, str]) -> None:
    for path, text in tree.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, "utf-8")


@pytest.fixture
def helm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Puts a program of that text on PATH, and gives the file it may note its call in."""
    folder, note = tmp_path / "bin", tmp_path / "call.json"
    folder.mkdir()

    def put(body: str) -> Path:
        program = folder / "helm"
        program.write_text(f"#!{sys.executable}\nimport json, os, sys, time\nNOTE = {str(note)!r}\n{body}\n", "utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        return note

    return put


def playing(answer: str) -> str:
    return (
        f"json.dump([sys.argv[1:], dict(os.environ), os.getcwd(), sorted(os.listdir('.')), sys.stdin.read(), os.getsid(0) == os.getpid()],"
        f" open(NOTE, 'w'))\nsys.stdout.write({answer!r})"
    )


def reasons(loaded: load.Loaded) -> list[str]:
    return [r.reason for r in loaded.renderings if not r.rendered]


def test_a_chart_is_rendered_and_its_fields_stand_in_its_template(here: Path, helm) -> None:  # type: ignore[no-untyped-def]
    write(CHART)
    helm(playing(RENDERED))
    loaded = load.manifests(["."])
    (d,) = loaded.manifests
    assert (d.app, d.kind, d.name, [s for s in loaded.skipped if s.wanted]) == ("charts/web", "Deployment", "web", [])
    pod = ("spec", "template", "spec", "containers", 0)
    lines = {
        p: d.locate(p).line for p in [("metadata", "name"), ("spec", "replicas"), (*pod, "image"), (*pod, "ports", 1, "containerPort")]
    }
    assert list(lines.values()) == [4, 9, 17, 20]
    assert d.locate((*pod, "image")).file == "charts/web/templates/deployment.yaml"


def test_what_an_action_may_have_printed_stands_at_the_line_above_it(here: Path, helm) -> None:  # type: ignore[no-untyped-def]
    write(CHART)
    helm(playing(RENDERED))
    (d,) = load.manifests(["."]).manifests
    assert d.locate(("metadata", "labels", "helm.sh/chart")).line == 5
    # Either branch could have written it.
    assert d.locate(("spec", "template", "spec", "containers", 0, "securityContext", "privileged")).line == 22


def test_helm_gets_a_copy_no_input_no_environment_and_its_own_session(here: Path, helm, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    write(CHART)
    note = helm(playing(RENDERED))
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("HELM_PLUGINS", str(here))
    load.manifests(["."], render=RenderSettings(kubernetes_version="1.35"))
    argv, environment, folder, files, given, alone = json.loads(note.read_text())
    assert argv == ["template", "web", "chart", "--namespace=default", "--kube-version=1.35", "--skip-tests", "--include-crds"]
    assert "GITHUB_TOKEN" not in environment
    assert environment["HELM_PLUGINS"].startswith(folder)
    assert environment["KUBECONFIG"] == os.devnull
    assert not folder.startswith(str(here))
    assert (files, given, alone) == (["chart"], "", True)
    assert not Path(folder).exists()


def test_releases_of_the_settings_are_rendered_in_place_of_the_default(here: Path, helm) -> None:  # type: ignore[no-untyped-def]
    write(CHART | {"values/prod.yaml": "replicaCount: 9\n"})
    note = helm(playing(RENDERED))
    wanted = (HelmRelease(chart="charts/web", release="shop", namespace="prod", values=("values/prod.yaml",)),)
    (rendering,) = load.manifests(["."], render=RenderSettings(helm=wanted)).renderings
    argv = json.loads(note.read_text())[0]
    assert (rendering.app, rendering.environment) == ("charts/web (shop)", "prod")
    assert argv[1:4] == ["shop", "chart", "--namespace=prod"]
    assert argv[-1] == "--values=values-0.yaml"
    assert "values/prod.yaml" in rendering.inputs


def test_without_helm_a_chart_has_not_passed(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(CHART)
    monkeypatch.setenv("PATH", "/nowhere")
    loaded = load.manifests(["."])
    assert reasons(loaded) == ["helm is not on PATH"]
    assert [(s.file, s.wanted) for s in loaded.skipped if s.wanted] == [
        ("charts/web/Chart.yaml", True),
        ("charts/web/templates/deployment.yaml", True),
    ]


def test_helm_is_never_taken_from_the_repository(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(CHART | {"helm": "#!/bin/sh\necho pwned > pwned\n"})
    Path("helm").chmod(0o755)
    monkeypatch.setenv("PATH", ":.")
    assert reasons(load.manifests(["."])) == ["helm is not on PATH"]
    assert not Path("pwned").exists()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("sys.stderr.write('Error: execution error at (web/templates/x.yaml:3:5): \\x1b[2Jname is required\\n'); sys.exit(1)",
         r"helm: execution error at (web/templates/x.yaml:3:5): \x1b[2Jname is required"),
        ("sys.exit(7)", "helm: exit code 7"),
        ("os.kill(os.getpid(), 9)", "helm: exit code -9"),
        ("sys.stdout.buffer.write(b'\\xff\\xfe')", "the output of helm is not UTF-8"),
        ("print('---\\n# Source: web/templates/deployment.yaml\\nkind: [')", "is not valid YAML"),
        ("print('---\\n# Source: web/templates/deployment.yaml\\na: 1')", "a document is no object: it has no apiVersion and kind"),
    ],
)  # fmt: skip
def test_whatever_helm_does_wrong_is_a_reason(here: Path, helm, body: str, reason: str) -> None:  # type: ignore[no-untyped-def]
    write(CHART)
    helm(body)
    first = reasons(load.manifests(["."]))[0]
    assert (first.rpartition("yaml:1:1: ")[2] or first).endswith(reason)


def test_a_program_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    program = (
        "import os, subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('pid', 'w').write(str(p.pid)); time.sleep(60)"
    )
    begun = time.monotonic()
    done = child.run([sys.executable, "-c", program], folder=str(tmp_path), environment={}, deadline_s=1.5)
    assert (done.stopped, time.monotonic() - begun < 10) == ("it did not end within 1.5 s", True)
    pid = int((tmp_path / "pid").read_text())
    time.sleep(0.3)
    state = Path(f"/proc/{pid}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_a_program_that_closes_its_outputs_and_stays_is_killed(tmp_path: Path) -> None:
    program = "import os, time; os.close(1); os.close(2); time.sleep(60)"
    assert child.run([sys.executable, "-c", program], folder=str(tmp_path), environment={}, deadline_s=1).stopped


def test_output_without_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "MAX_OUTPUT", 1024 * 1024)
    program = "import sys\nwhile True: sys.stdout.write('x' * 65536); sys.stderr.write('y' * 65536)"
    done = child.run([sys.executable, "-c", program], folder=str(tmp_path), environment={})
    assert done.stopped == "its output is longer than 1 MiB"
    assert len(done.said) <= child.MAX_SAID


@pytest.mark.parametrize(
    ("link", "target", "reason"),
    [
        ("charts/web/files/x", "../../../../outside", "files/x is a symbolic link out of the chart"),
        ("charts/web/templates/y.yaml", "/etc/passwd", "templates/y.yaml is a symbolic link out of the chart"),
        ("charts/web/up", "..", "up is a symbolic link out of the chart"),
        ("charts/web/loop", "loop", "loop is a symbolic link to a folder or to nowhere"),
        ("charts/web/files/x", "../../web-secrets", "files/x is a symbolic link out of the chart"),
    ],
)  # fmt: skip
def test_links_out_of_the_chart_are_refused_before_anything_runs(here: Path, helm, link: str, target: str, reason: str) -> None:  # type: ignore[no-untyped-def]
    write(CHART | {"charts/web-secrets": "secret"})
    (here.parent / "outside").write_text("secret")
    Path(link).parent.mkdir(exist_ok=True)
    Path(link).symlink_to(target)
    note = helm(playing(RENDERED))
    assert reasons(load.manifests(["."])) == [reason]
    assert not note.exists()


def test_a_link_inside_of_the_chart_is_the_file_it_leads_to(here: Path, helm) -> None:  # type: ignore[no-untyped-def]
    write(CHART)
    Path("charts/web/templates/again.yaml").symlink_to("deployment.yaml")
    helm(playing(RENDERED) + "\nassert not os.path.islink('chart/templates/again.yaml') and os.path.isfile('chart/templates/again.yaml')")
    assert reasons(load.manifests(["."])) == []


def test_a_missing_dependency_is_never_fetched(here: Path, helm) -> None:  # type: ignore[no-untyped-def]
    dependency = "dependencies: [{name: redis, version: 1.x.x, repository: https://charts.example.com}]\n"
    write(CHART | {"charts/web/Chart.yaml": CHART["charts/web/Chart.yaml"] + dependency})
    note = helm(playing(RENDERED))
    loaded = load.manifests(["."])
    assert reasons(loaded) == ["dependency redis is missing in charts/: kgate fetches nothing"]
    assert [s.line for s in loaded.skipped if s.file == "charts/web/Chart.yaml" and s.wanted] == [4]
    assert not note.exists()


def test_a_dependency_in_the_chart_is_part_of_it(here: Path, helm) -> None:  # type: ignore[no-untyped-def]
    dependency = "dependencies: [{name: redis, version: 1.x.x}]\n"
    inner = {"charts/web/charts/redis/Chart.yaml": "apiVersion: v2\nname: redis\nversion: 1.0.0\n"}
    write(CHART | inner | {"charts/web/Chart.yaml": CHART["charts/web/Chart.yaml"] + dependency})
    helm(playing(RENDERED))
    assert [r.app for r in load.manifests(["."]).renderings] == ["charts/web"]


def test_an_object_of_no_known_file_stands_at_the_chart(here: Path, helm) -> None:  # type: ignore[no-untyped-def]
    write(CHART)
    helm(playing(RENDERED.replace("templates/deployment.yaml", "charts/packed/templates/../../../etc/passwd")))
    (d,) = load.manifests(["."]).manifests
    assert (d.locate(("spec",)).file, d.locate(("spec",)).line) == ("charts/web/Chart.yaml", 1)


def test_a_template_that_only_includes_another_is_known_by_its_first_line() -> None:
    template = Template.of('{{ include "common.deployment" . }}\nkind: Deployment\n')
    assert template.trace(["apiVersion: apps/v1", "kind: Deployment"]) == {}


def test_lines_that_stand_twice_are_told_apart_by_the_line_above_or_not_at_all() -> None:
    template = Template.of("a:\n  name: x\nb:\n  name: x\nc:\n  name: y\n  name: y\n")
    assert template.trace(["b:", "  name: x", "c:", "  name: y"]) == {0: 2, 1: 3, 2: 4}


def test_lines_of_a_comment_of_several_lines_write_nothing() -> None:
    template = Template.of("{{- /*\nkind: Pod\n*/ -}}\nkind: Pod\n")
    assert template.trace(["kind: Pod"]) == {0: 3}
