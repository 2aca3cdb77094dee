"""Cases for the kustomize renderer: small trees of files in one text, with what `kubectl kustomize` made of them.

    KUBECTL=kubectl python -m tests.load.render.cases        # makes the answers of all cases anew

A case is `cases/NAME.txt`: files behind lines `-- PATH --`; the kustomization to render is `app/kustomization.yaml` if there is one, else
that at the top. `base.txt` is there for all cases that have no `base/` of their own. The answer stands in `answers/NAME.json`: the names
of all objects in order, and those of them in full that are not as in the base; or null, when kubectl refuses.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
NAMES = sorted(p.stem for p in (HERE / "cases").glob("*.txt") if p.stem != "base")


class _Loader(yaml.SafeLoader):
    """As JSON: dates stay text, `1e-06` is a number."""


_Loader.yaml_implicit_resolvers = {
    k: [(tag, regexp) for tag, regexp in v if not tag.endswith((":timestamp", ":float"))]
    for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?$"), list("-+.0123456789")
)


def files(name: str) -> dict[str, str]:
    found = _files((HERE / "cases" / f"{name}.txt").read_text("utf-8"))
    if not any(p.startswith("base/") for p in found):
        found = _files((HERE / "cases" / "base.txt").read_text("utf-8")) | found
    return found


def _files(text: str) -> dict[str, str]:
    return dict(part.split(" --\n", 1) for part in re.split(r"(?m)^-- ", text)[1:])  # type: ignore[misc]


def write(tree: dict[str, str], folder: Path) -> Path:
    """The folder to render."""
    for path, text in tree.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    return folder / "app" if "app/kustomization.yaml" in tree else folder


def objects(text: str) -> list[dict[str, Any]]:
    return [o for o in yaml.load_all(text, _Loader) if o]


def base() -> list[dict[str, Any]]:
    """The objects of the base as they are written."""
    tree = _files((HERE / "cases" / "base.txt").read_text("utf-8"))
    return [o for path in ("base/deployment.yaml", "base/others.yaml") for o in objects(tree[path])]


def key(o: dict[str, Any]) -> str:
    return "{} {} {}/{}".format(o["apiVersion"], o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"])


def answer(name: str) -> list[dict[str, Any]] | None:
    told = json.loads((HERE / "answers" / f"{name}.json").read_text("utf-8"))
    if told is None:
        return None
    known = {key(o): o for o in base()} | {key(o): o for o in told["objects"]}
    return [known[k] for k in told["order"]]


def _ask(name: str, kubectl: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = write(files(name), Path(folder))
        done = subprocess.run([kubectl, "kustomize", root], capture_output=True, text=True, timeout=60, check=False)
    told = None
    if done.returncode == 0:
        known = {key(o): o for o in base()}
        made = objects(done.stdout)
        told = {"order": [key(o) for o in made], "objects": [o for o in made if known.get(key(o)) != o]}
    target = HERE / "answers" / f"{name}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    for case in NAMES:
        _ask(case, os.environ.get("KUBECTL", "kubectl"))
