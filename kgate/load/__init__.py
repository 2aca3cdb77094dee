"""Bytes to Manifests: finds files, reads YAML and JSON exactly as Kubernetes does, and knows the line of every node."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from kgate.load import files
from kgate.load.collect import Loaded, collect
from kgate.load.rules import RULES
from kgate.load.settings import settings_file
from kgate.load.source import Text
from kgate.manifest import Source

if TYPE_CHECKING:
    from kgate.load.render.settings import RenderSettings

__all__ = ["RULES", "Loaded", "base", "file_text", "manifests", "settings_file"]


def manifests(
    paths: Sequence[str],
    *,
    exclude: Sequence[str] = (),
    force_exclude: bool = False,
    not_manifests: Collection[str] = (),
    texts: Mapping[str, str] | None = None,
    render: RenderSettings | None = None,
) -> Loaded:
    """Every object below `paths`: files of any name, folders (their .yaml, .yml and .json files), `-` for standard input.

    `exclude` holds .gitignore-like patterns, matched against paths as shown; with `force_exclude` they hold for paths that were named, too.
    `not_manifests` (settings, cluster files) are passed over in silence. `texts`, by `Source.file`, are read in place of what the files
    hold. Raises UsageError for a path that does not exist.
    """
    walk = files.find(paths, exclude=exclude, force_exclude=force_exclude, not_manifests=not_manifests)
    content = _content(texts or {})
    return collect(walk.found.values(), content, files.Disk(content), findings=walk.findings, skipped=walk.skipped, settings=render)


def _content(texts: Mapping[str, str]) -> Callable[[str], bytes]:
    if not texts:
        return files.content
    return lambda path: texts[file].encode() if path != "-" and (file := files.shown(path)) in texts else files.content(path)


def file_text(source: Source) -> str | None:
    """The text of a file as it was read; None for standard input, and for what no file holds as it is."""
    return source.text if isinstance(source, Text) and source.file != files.STDIN else None


def base(
    ref: str,
    paths: Sequence[str],
    *,
    exclude: Sequence[str] = (),
    not_manifests: Collection[str] = (),
    render: RenderSettings | None = None,
) -> Loaded:
    """The objects below `paths` as they are at the merge base of `ref` and HEAD, read from git's own store.

    Nothing of the working tree is touched and nothing of the repository is run. A path that did not exist then holds nothing.
    Raises UsageError for an unknown `ref` and KgateError when git cannot answer, with what to do.
    """
    from kgate.load import git

    return git.base(ref, paths, exclude=exclude, not_manifests=not_manifests, render=render)
