"""`kgate snapshot`: what kubectl printed in, a cluster file out. kgate itself never talks to a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kgate.errors import UsageError
from kgate.finding import clean

if TYPE_CHECKING:
    from kgate.rollout.snapshot import Snapshot

_HINT = "kubectl get nodes,pods,replicasets,priorityclasses,limitranges,resourcequotas,pdb -A -o json | kgate snapshot > cluster.yaml"


def pack(paths: Sequence[str], *, taken: str | None) -> Snapshot:
    """Raises UsageError."""
    from kgate.rollout import snapshot
    from kgate.rollout.cluster import moment

    if taken is not None and moment(taken) is None:
        raise UsageError(f"--taken: {clean(taken)[:40]!r} is no time", hint="such as 2026-01-31T12:00:00Z")
    return snapshot.pack(_documents(paths or ("-",)), taken=taken or "")


def _documents(paths: Sequence[str]) -> Iterator[tuple[str, object]]:
    from kgate.load import files, json_text

    for path in paths:
        about = "standard input" if path == "-" else clean(path)
        try:
            data = json.loads(files.content(path))
        except files.Unreadable as fault:
            raise UsageError(f"{about}: not read: {fault.reason}", hint="several smaller files do as well") from fault
        except (ValueError, RecursionError) as fault:
            raise UsageError(f"{about}: no JSON that can be read", hint=_HINT) from fault
        if json_text.too_deep(data):
            raise UsageError(f"{about}: nested deeper than 300 levels", hint=_HINT)
        yield about, data
