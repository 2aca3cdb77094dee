"""However many processes share the work, and whatever seeds their hashes: the same bytes in every report."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KGATE = str(Path(sys.executable).parent / "kgate")
FORMATS = ("text", "concise", "json", "sarif", "junit", "github", "gitlab", "markdown", "html")
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web{n}, namespace: team{team}, annotations: {{note: "{note}"}}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web{n}}}}}
  template:
    metadata: {{labels: {{app: web{n}}}}}
    spec: {{containers: [{{name: web, image: "nginx{tag}"}}]}}
"""


@pytest.mark.slow
def test_the_number_of_processes_shows_in_no_report(tmp_path: Path) -> None:
    for n in range(30):
        note = "\\x1b\\u202e" * (700 if n == 3 else 1)
        text = WEB.format(n=n, team=n % 4, note=note, replicas=n % 5, tag="" if n % 3 else ":1.27.1")
        (tmp_path / f"{n}.yaml").write_text(text)
    for n in range(1100):
        (tmp_path / f"c{n}.yaml").write_text(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: 'C{n}'}}\n")
    said = []
    for jobs, seed in ((1, "1"), (2, "2"), (5, "77")):
        out = tmp_path.parent / f"{tmp_path.name}-{jobs}"
        out.mkdir()
        argv = [KGATE, "check", "--offline", "--no-cache", f"--jobs={jobs}", *(f"--report={f}:{out / f}" for f in FORMATS), "."]
        done = subprocess.run(argv, cwd=tmp_path, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
        said.append({f: (out / f).read_bytes() for f in FORMATS})
    for other in said[1:]:
        assert [f for f in FORMATS if other[f] != said[0][f]] == []
