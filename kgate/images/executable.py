"""Where a scanner's executable is."""

from __future__ import annotations

import os
from pathlib import Path

from kgate.images.scanner import NotScanned

INSTALL = "install it ({}), or set images.{} to where it is"
_HOMES = {
    "trivy": "https://trivy.dev/latest/getting-started/installation",
    "grype": "https://github.com/anchore/grype",
    "sysdig": "https://docs.sysdig.com/en/sysdig-secure/install-vulnerability-cli-scanner/",
}


def find(name: str, setting: str = "trivy") -> str:
    """The absolute path of the executable that `images.<setting>` names. Raises NotScanned.

    A pull request can bring a file of any name: neither a relative path nor one below the working directory is started, unless PATH
    itself names its folder.
    """
    if os.sep in name:
        if not Path(name).is_absolute() or _below_working_directory(Path(name)):
            raise NotScanned(f"images.{setting} is {name}, which the scanned repository could bring along", "give a path outside of it")
        candidates = [name]
    else:
        folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
        candidates = [os.path.join(f, name) for f in folders if Path(f).is_absolute()]  # noqa: PTH118 (`f / name` would drop f for "/x")
    found = next((c for c in candidates if Path(c).is_file() and os.access(c, os.X_OK)), None)
    if found is None:
        raise NotScanned(f"{setting} not found{'' if name == setting else f' as {name}'}", INSTALL.format(_HOMES[setting], setting))
    return found


def _below_working_directory(path: Path) -> bool:
    """Everything is below `/`, which is nobody's repository."""
    here = Path.cwd()
    return here != Path(here.anchor) and path.resolve().is_relative_to(here)
