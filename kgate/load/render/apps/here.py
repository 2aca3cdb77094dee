"""Is the repository that an app names the one that is checked?"""

from __future__ import annotations

import re
from enum import Enum

from kgate.load.render.apps.app import Answer, Setting
from kgate.load.render.nodes import Node
from kgate.load.render.rendering import Elsewhere, NotRendered

_SCP = re.compile(r"(?:[^@/]+@)?([^:/]+):(?!//)(.+)")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^@/]*@)?([^/:]+)(?::\d+)?/(.+)", re.IGNORECASE)
_HEADS = ("", "HEAD", "main", "master")


class Here(Enum):
    SURE = 1
    ASSUMED = 2
    ELSEWHERE = 3


def same(url: str, known: tuple[str, ...]) -> Here:
    """Whether `url` is among those that are known. A fork is called as what it was forked from; of a clone without remotes nothing is
    known."""
    wanted = normal(url)
    ours = {normal(k) for k in known}
    if wanted in ours:
        return Here.SURE
    if not ours or wanted.rpartition("/")[2] in {o.rpartition("/")[2] for o in ours}:
        return Here.ASSUMED
    return Here.ELSEWHERE


def normal(url: str) -> str:
    """`git@host:team/repo.git` and `https://user@HOST/team/repo` are `host/team/repo`."""
    url = url.strip()
    found = _URL.fullmatch(url) or _SCP.fullmatch(url)
    host, path = (found[1].lower(), found[2]) if found else ("", url)
    return f"{host}/{path}".strip("/").removesuffix(".git").rstrip("/").lower()


def demand(run: Setting, url: Node | None, answer: Answer, what: str = "repoURL") -> None:
    """Raises NotRendered for another repository; notes what is only assumed."""
    if url is None or not url.text:
        raise NotRendered(f"{what} is missing", place=None if url is None else url.place)
    remotes = run.files.remotes(run.files.real("."))
    known = (*remotes.urls, *run.settings.repository)
    where = same(url.text, known)
    if where is Here.ELSEWHERE:
        raise Elsewhere(f"{url.text[:200]} is another repository: kgate fetches nothing", place=url.place)
    if where is Here.ASSUMED:
        answer.note(f"assumed: {url.text[:200]} is this repository")


def revision(run: Setting, node: Node | None, answer: Answer) -> None:
    """Says so when an app wants another revision than the one that is checked."""
    wanted = node.text.removeprefix("refs/heads/") if node is not None and not node.is_null else ""
    if wanted not in _HEADS and wanted != run.files.remotes(run.files.real(".")).branch:
        answer.note(f"revision {wanted[:100]} is asked for, what is checked was rendered")
