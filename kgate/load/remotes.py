"""Where a clone comes from: read from git's own settings file, without git."""

from __future__ import annotations

import os
import re
from pathlib import Path

from kgate.load.render.rendering import Remotes

MAX_SETTINGS = 256 * 1024
"""Bytes of a settings file of git; a longer one tells nothing."""

_SECTION = re.compile(r"""^\s*\[\s*([\w.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]""")
_URL = re.compile(r"^\s*url\s*=\s*(.*?)\s*$", re.IGNORECASE)


def of(top: str) -> Remotes:
    """Of the repository whose top folder that is; nothing where it is none."""
    folder = _git_folder(top) if top else None
    if folder is None:
        return Remotes()
    common = _text(folder / "commondir").strip()
    settings = _text((folder / common if common else folder) / "config")
    head = _text(folder / "HEAD").strip()
    return Remotes(urls=tuple(_urls(settings)), branch=head.removeprefix("ref: refs/heads/") if head.startswith("ref: refs/heads/") else "")


def _git_folder(top: str) -> Path | None:
    """`.git`, or where the file of that name in a worktree leads."""
    path = Path(top, ".git")
    if path.is_dir():
        return path
    named = _text(path).strip()
    return Path(top, named.removeprefix("gitdir:").strip()) if named.startswith("gitdir:") else None


def _text(path: Path) -> str:
    from kgate.load.files import Unreadable, content

    try:
        data = content(os.fspath(path))
    except Unreadable:
        return ""
    return data.decode("utf-8", "replace") if len(data) <= MAX_SETTINGS else ""


def _urls(settings: str) -> list[str]:
    inside, found = False, []
    for line in settings.splitlines():
        if section := _SECTION.match(line):
            inside = section[1].lower() == "remote"
        elif inside and (url := _URL.match(line)):
            found.append(url[1].strip('"'))
    return found
