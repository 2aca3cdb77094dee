"""What `kubectl get ... -o json` says of a cluster, packed into a cluster file that holds nothing but what a rehearsal needs."""

from kgate.rollout.snapshot.pack import Snapshot, pack, written

__all__ = ["Snapshot", "pack", "written"]
