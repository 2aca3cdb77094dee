"""Which object of the base an object of the head was."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kgate.manifest import Manifest

Identity = tuple[str, str, str, str]


def identity(manifest: Manifest) -> Identity | None:
    """None where the server makes up the name: every apply is another object then."""
    name = manifest.metadata.get("name")
    return (manifest.group, manifest.kind, manifest.namespace, name) if isinstance(name, str) and name else None


def before(head: Sequence[Manifest], base: Sequence[Manifest]) -> list[Manifest | None]:
    """For each object of the head its version in the base.

    Files of several clusters often hold objects of the same name: the one of the same file goes first. One from another file is it
    only when nothing in the head stands in its place and it is the only one: then the file was moved.
    """
    known, taken = _by_file(base), _by_file(head)
    turns: dict[tuple[Identity, str], int] = {}
    found: list[Manifest | None] = []
    for manifest in head:
        if named := identity(manifest):
            turn = turns[named, manifest.file] = turns.get((named, manifest.file), -1) + 1
            found.append(_of(known.get(named, {}), manifest.file, turn, taken[named]))
        else:
            found.append(None)
    return found


def _by_file(manifests: Sequence[Manifest]) -> dict[Identity, dict[str, list[Manifest]]]:
    found: dict[Identity, dict[str, list[Manifest]]] = {}
    for manifest in manifests:
        if named := identity(manifest):
            found.setdefault(named, {}).setdefault(manifest.file, []).append(manifest)
    return found


def _of(versions: dict[str, list[Manifest]], file: str, turn: int, taken: Collection[str]) -> Manifest | None:
    if file in versions:
        here = versions[file]
        return here[min(turn, len(here) - 1)]
    moved = [manifest for other, there in versions.items() if other not in taken for manifest in there]
    return moved[0] if len(moved) == 1 and len(taken) == 1 else None
