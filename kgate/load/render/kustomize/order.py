"""The order of the output (api/internal/builtins/SortOrderTransformer.go)."""

from __future__ import annotations

from kgate.load.render.kustomize.identity import Gvk
from kgate.load.render.kustomize.resources import Resource, Resources
from kgate.load.render.nodes import Node
from kgate.load.render.rendering import NotRendered

FIRST: tuple[str, ...] = (
    "Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "ServiceAccount", "PodSecurityPolicy", "Role", "ClusterRole",
    "RoleBinding", "ClusterRoleBinding", "ConfigMap", "Secret", "Endpoints", "Service", "LimitRange", "PriorityClass", "PersistentVolume",
    "PersistentVolumeClaim", "Deployment", "StatefulSet", "CronJob", "PodDisruptionBudget",
)  # fmt: skip
LAST: tuple[str, ...] = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def arrange(resources: Resources, options: Node | None) -> None:
    """By kind as kubectl would apply them, unless `sortOptions` says otherwise. Raises NotRendered."""
    first, last = FIRST, LAST
    if options is not None:
        order, own = options.string("order"), options.get("legacySortOptions")
        if order not in ("legacy", "fifo") or (order == "fifo" and own is not None):
            raise NotRendered("sortOptions.order must be legacy or fifo", place=options.place)
        if order == "fifo":
            return
        if own is not None:
            first, last = (tuple(n.text for n in _items(own, f)) for f in ("orderFirst", "orderLast"))
    rank = {kind: n - len(first) for n, kind in enumerate(first)} | {kind: n + 1 for n, kind in enumerate(last)}
    resources.listed.sort(key=lambda r: _key(r, rank))
    resources.check_unique()


def _items(node: Node, field: str) -> list[Node]:
    found = node.get(field)
    return found.items if found is not None else []


def _key(r: Resource, rank: dict[str, int]) -> tuple[int, str, str]:
    """Rank of the kind, then group, version and kind, then the name."""
    now = r.current
    return rank.get(now.gvk.kind, 0), _text(now.gvk), f"{now.gvk}|{now.namespace or '~X'}|{now.name or '~N'}"


def _text(gvk: Gvk) -> str:
    return f"{gvk.group or '~G'}_{gvk.version or '~V'}_{gvk.kind or '~K'}"
