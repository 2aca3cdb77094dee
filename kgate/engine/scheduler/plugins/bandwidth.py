"""Network bandwidth as a resource of nodes. No plugin of kube-scheduler does this: there the annotations only shape traffic.

A pod says how many bits a second it needs with the annotations that the kubelet's traffic shaping reads
(pkg/util/bandwidth/utils.go); a node says with annotations of the same names how many it can carry in all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import ClassVar

from kgate.engine.api.quantity import parse, value
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import Change, CycleState, Rejection
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo

DIRECTIONS = ("ingress", "egress")
LEAST, MOST = 1_000, 10**15
"""What a pod may ask for, in bits a second; another value is refused where the pod is started, and asks for nothing here."""


class Bandwidth:
    """What the pods of a node ask for together must not exceed what the node carries. Off unless a profile has it.

    A node that does not say what it carries takes any pod, in that direction.
    """

    name: ClassVar[str] = "Bandwidth"
    local: ClassVar[bool] = True

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        mine, carries = _of(pod.pod.metadata.annotations), _of(node.node.metadata.annotations if node.node is not None else {})
        if not any(mine) or not any(carries):
            return None
        used = _sum(_of(other.pod.metadata.annotations) for other in node.pods.values())
        short = [i for i, n in enumerate(mine) if n and carries[i] and used[i] + n > carries[i]]
        if not short:
            return None
        reasons = tuple(f"Insufficient {DIRECTIONS[i]}-bandwidth" for i in short)
        return Rejection(plugin=self.name, reasons=reasons, unresolvable=any(mine[i] > carries[i] for i in short))

    def concerns(self, pod: PodInfo) -> bool:
        return any(_of(pod.pod.metadata.annotations))

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        if change.node is None:
            return change.pod is not None and change.new is None
        old, new = change.node
        return new is not None and (old is None or _of(old.metadata.annotations) != _of(new.metadata.annotations))


def _key(direction: str) -> str:
    return f"kubernetes.io/{direction}-bandwidth"


def _of(said: Mapping[str, str]) -> tuple[int, ...]:
    """Bits a second in each direction; 0 where nothing is said."""
    return tuple([_bits(said[key]) if (key := _key(d)) in said else 0 for d in DIRECTIONS]) if said else (0, 0)


@lru_cache(maxsize=1024)
def _bits(text: str) -> int:
    try:
        n = value(parse(text))
    except ValueError:
        return 0
    return n if LEAST <= n <= MOST else 0


def _sum(asked: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*asked, strict=True))) or (0, 0)
