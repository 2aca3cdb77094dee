"""A bill of materials (CycloneDX) of each scanned image, as a file that is whole or not there."""

from __future__ import annotations

import os
import re
from pathlib import Path

from kgate.errors import ConfigError
from kgate.images.scanner import Target
from kgate.images.settings import ImagesSettings

MAX_NAME = 150
"""Characters of the image in a file's name; file systems take 255 in all."""


def folder_of(settings: ImagesSettings) -> Path:
    """Made when it is not there. Raises ConfigError."""
    folder = Path(settings.sbom).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ConfigError(f"{settings.sbom}: {e.strerror}", hint="images.sbom names it, a folder for bills of materials") from e
    return folder


def file_of(target: Target, settings: ImagesSettings) -> Path:
    """`shop_api_1.0_linux-amd64_0123456789ab.cdx.json`: the last part names the content, so no two images share a file."""
    image = re.sub(r"[^a-zA-Z0-9.-]", "_", target.image.familiar.partition("@")[0])[:MAX_NAME].lstrip(".-")
    content = target.content.partition(":")[2][:12] or "unknown"
    return Path(settings.sbom).absolute() / f"{image}_{target.platform.replace('/', '-')}_{content}.cdx.json"


def keep(made: Path, file: Path) -> None:
    """Puts `made` in its place. Raises ConfigError."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_bytes(made.read_bytes())
        draft.replace(file)
    except OSError as e:
        draft.unlink(missing_ok=True)
        raise ConfigError(f"{file}: {e.strerror}", hint="images.sbom names its folder") from e
