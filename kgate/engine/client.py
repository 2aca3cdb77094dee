"""What a client of the API server can do with objects: read, create, update, apply, patch and delete them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from kgate.engine import patching
from kgate.engine.admission import sanity
from kgate.engine.admission.autoscaling import as_v2
from kgate.engine.admission.chain import Admission
from kgate.engine.admission.defaulting import set_defaults
from kgate.engine.api import names, scaling
from kgate.engine.api.codec import CLUSTER_SCOPED, KINDS, DecodeError, decode, encode
from kgate.engine.api.core import Event, Namespace
from kgate.engine.api.meta import Key, Millis, Resource
from kgate.engine.errors import ApiError, Cause, already_exists, conflict, forbidden, invalid, not_found
from kgate.engine.fieldmanager import FieldManagers
from kgate.engine.manager import Manager
from kgate.engine.store import Store

Json = Mapping[str, Any]
Validate = Callable[[Json, Json | None], Sequence[Cause]]

IMMORTAL = ("default", "kube-system", "kube-public")
"""Namespaces that cannot be deleted."""

SERVER_FIELDS = ("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")
"""Metadata that no client can set."""


class Client:
    """Every write settles what can be done at once. A Cluster is one."""

    def __init__(self, store: Store, manager: Manager, admission: Admission, validate: Validate | None) -> None:
        """`validate(new, old)` says why an object is refused."""
        self.store = store
        self.manager = manager
        self._admission = admission
        self._validate = validate
        self._fields = FieldManagers()

    @property
    def now_ms(self) -> Millis:
        """Virtual time since the cluster began."""
        return self.manager.now_ms

    # Reading

    @property
    def events(self) -> list[Event]:
        """All core/v1 Events, in order of first appearance."""
        return list(self.store.list(Event))

    def get(self, kind: str, name: str, namespace: str = "default") -> dict[str, Any]:
        """The object as the API shows it. Raises ApiError 404."""
        return encode(self._find(kind, name, namespace))

    def list(
        self, kind: str, namespace: str | None = None, *, label_selector: str = "", field_selector: str = ""
    ) -> Sequence[dict[str, Any]]:
        """All objects of the kind that both selectors select, in order of creation. Raises ApiError 400 for a selector that is none."""
        from kgate.engine.api import listing

        chosen = listing.selected(self.store.list_kind(kind, namespace), kind, label_selector)
        return listing.with_fields(kind, [encode(obj) for obj in chosen], field_selector)

    def get_scale(self, name: str, namespace: str = "default", kind: str = "Deployment") -> dict[str, Any]:
        """The scale subresource. Raises ApiError 404."""
        return scaling.scale_of(self._find(kind, name, namespace))

    # Writing

    def create(self, obj: Json, manager: str = "kubectl") -> dict[str, Any]:
        """POST. Raises ApiError: 409 AlreadyExists, 422 Invalid, 403 Forbidden."""
        body = self._normalized(obj)
        if self.store.find(_key(body)) is not None:
            raise already_exists(names.resource(body["apiVersion"], body["kind"]), body["metadata"]["name"])
        return self._owned_by_update({}, self._stored(body), manager)

    def update(self, obj: Json, manager: str = "kubectl") -> dict[str, Any]:
        """PUT. Raises ApiError: 404, 409 Conflict (not the version or uid that is stored), 422 Invalid."""
        body = self._normalized(obj)
        live = self._find(body["kind"], body["metadata"].get("name") or "", body["metadata"].get("namespace") or "")
        before = encode(live)
        return self._owned_by_update(before, self._replaced(live, body), manager)

    def apply(self, obj: Json, manager: str = "kgate", *, force: bool = True) -> dict[str, Any]:
        """Server-side apply: what `manager` applied before and now omits is removed, unless others own it, then defaults return.

        Raises ApiError. Fields of other managers are taken over by `force`; without it they are a 409 with a cause for each.
        """
        body = self._normalized(obj)
        if not body["metadata"].get("name"):
            raise ApiError(400, "name is required to apply")
        fields, live = self._as_shown(body), self.store.find(_key(body))
        before = {} if live is None else encode(live)
        uid = before.get("metadata", {}).get("uid", "")
        merged, owned = self._fields.applied(uid, before, fields | {"apiVersion": body["apiVersion"]}, manager, force=force)
        result = self._stored(copy.deepcopy(body)) if live is None else self._replaced(live, merged | _preconditions(body, before))
        self._fields.commit(result["metadata"]["uid"], owned, result)
        return result

    def patch(
        self,
        kind: str,
        name: str,
        patch: Any,
        type: str = "merge",  # noqa: A002  # as in the API
        namespace: str = "default",
        subresource: str | None = None,
        manager: str = "kubectl",
    ) -> dict[str, Any]:
        """PATCH. `type` is merge, strategic or json; `subresource` may be status or scale. Raises ApiError."""
        live = self._find(kind, name, namespace)
        change = {"merge": patching.merge_patch, "strategic": patching.strategic_merge_patch, "json": patching.json_patch}[type]
        before = encode(live)
        body = change(before, patch)
        if not isinstance(body, dict) or not isinstance(body.get("metadata"), dict):
            raise ApiError(400, f"{kind} {name!r} cannot be patched: what is left is no object")
        if subresource == "status":
            return self._with_status(live, body)
        return self._owned_by_update(before, self._replaced(live, body), manager)

    def scale(self, name: str, replicas: int, namespace: str = "default") -> dict[str, Any]:
        """Sets a Deployment's spec.replicas, as `kubectl scale` does."""
        return self.patch("Deployment", name, {"spec": {"replicas": replicas}}, namespace=namespace)

    def delete(
        self,
        kind: str,
        name: str,
        namespace: str = "default",
        propagation: str | None = None,
        grace_s: int | None = None,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> None:
        """DELETE. `propagation` is Background (default), Foreground or Orphan.

        Raises ApiError: 404, 403 (namespaces that cannot go), 409 Conflict when it is not that uid or version.
        """
        obj = self._find(kind, name, namespace)
        if kind == "Namespace" and name in IMMORTAL:
            raise forbidden("namespaces", name, "this namespace may not be deleted")
        version = None if resource_version is None else int(resource_version)
        self.store.delete(_key_of(obj), grace_seconds=grace_s, propagation=propagation, uid=uid, resource_version=version)
        self.manager.settle()

    # Inside

    def _find(self, kind: str, name: str, namespace: str) -> Resource:
        found: Resource | None = self.store.find(Key(kind, "" if kind in CLUSTER_SCOPED else namespace, name))
        if found is None:
            raise not_found(_resource_of(kind), name)
        return found

    def _normalized(self, obj: Json) -> dict[str, Any]:
        """A private copy with a namespace where the kind has one."""
        body = copy.deepcopy(dict(obj))
        as_v2(body)
        if not isinstance(body.get("metadata") or {}, Mapping):
            raise ApiError(400, f"{body.get('kind')} cannot be handled: metadata: cannot read it as ObjectMeta")
        meta = body["metadata"] = dict(body.get("metadata") or {})
        if not meta.get("name") and not meta.get("generateName"):
            said = Cause(field="metadata.name", message="Required value: name or generateName is required", reason="FieldValueRequired")
            raise invalid(_kind_of(body), "", [said])
        if body.get("kind") in CLUSTER_SCOPED:
            meta.pop("namespace", None)
        else:
            meta["namespace"] = meta.get("namespace") or "default"
        return body

    def _stored(self, body: dict[str, Any]) -> dict[str, Any]:
        for field in SERVER_FIELDS:
            body["metadata"].pop(field, None)
        if body["kind"] != "Node":
            body.pop("status", None)
        obj = self._checked(body, None)
        self._ensure_namespace(obj.metadata.namespace)
        return self._settled(self.store.create(obj))

    def _owned_by_update(self, before: Json, shown: dict[str, Any], manager: str) -> dict[str, Any]:
        """Notes that `manager` set what differs."""
        uid = shown["metadata"]["uid"]
        self._fields.commit(uid, self._fields.updated(uid, before, shown, manager), shown)
        return shown

    def _replaced(self, live: Any, body: dict[str, Any]) -> dict[str, Any]:
        """Writes all of `body` but its status and what only the server sets. Raises ApiError 409 when it is based on another version."""
        _check_based_on(live, body)
        changed: Any = self._checked({**body, "kind": live.kind, "apiVersion": live.api_version}, live)
        meta = replace(
            changed.metadata,
            name=live.metadata.name,
            namespace=live.metadata.namespace,
            uid=live.metadata.uid,
            resource_version=live.metadata.resource_version,
            generation=live.metadata.generation,
            creation_timestamp_ms=live.metadata.creation_timestamp_ms,
            deletion_timestamp_ms=live.metadata.deletion_timestamp_ms,
            deletion_grace_period_seconds=live.metadata.deletion_grace_period_seconds,
        )
        changed = replace(changed, metadata=meta)
        if hasattr(live, "status"):
            changed = replace(changed, status=live.status)
        return self._settled(self.store.update(self._admission.update(live, changed)))

    def _with_status(self, live: Any, body: dict[str, Any]) -> dict[str, Any]:
        changed: Any = self._decoded({**body, "kind": live.kind, "apiVersion": live.api_version})
        if not hasattr(live, "status"):
            return self._replaced(live, body)
        return self._settled(self.store.update_status(replace(live, status=changed.status)))

    def _checked(self, body: dict[str, Any], live: Resource | None) -> Resource:
        """With defaults, decoded, and approved by the caller's validation, else by what the controllers rely on."""
        set_defaults(body)
        obj = self._decoded(body)
        causes = self._validate(body, None if live is None else encode(live)) if self._validate is not None else ()
        causes = causes or sanity.causes(obj, body)
        if causes:
            raise invalid(_kind_of(body), body["metadata"].get("name", ""), causes)
        return obj

    def _decoded(self, body: Json) -> Resource:
        try:
            return decode(body)
        except DecodeError as e:
            raise ApiError(
                400, f"{body.get('kind')} in version {str(body.get('apiVersion')).rpartition('/')[2]!r} cannot be handled: {e}"
            ) from e

    def _as_shown(self, body: Json) -> Any:
        """The applied fields as the API would show them (quantities in canonical form), so that they can be compared with the object."""
        own = {k: v for k, v in body["metadata"].items() if k not in SERVER_FIELDS}
        return _only(encode(self._decoded({**body, "metadata": own})), body)

    def _settled(self, obj: Resource) -> dict[str, Any]:
        """The object as written, once everybody has reacted to it at this instant."""
        shown = encode(obj)
        self.manager.settle()
        return shown

    def _ensure_namespace(self, name: str) -> None:
        # Unlike upstream: a namespace that does not exist is made on the way, and not an error.
        if name and self.store.get(Namespace, "", name) is None:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            set_defaults(body)
            self.store.create(decode(body))


def _check_based_on(live: Resource, body: Json) -> None:
    meta = body["metadata"]
    if str(meta.get("uid") or live.metadata.uid) != live.metadata.uid:
        said = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {live.metadata.uid}"
        raise conflict(names.resource(live.api_version, live.kind), live.metadata.name, said)
    if str(meta.get("resourceVersion") or live.metadata.resource_version) != str(live.metadata.resource_version):
        raise conflict(names.resource(live.api_version, live.kind), live.metadata.name)


def _preconditions(body: Json, live: Json) -> dict[str, Any]:
    """The metadata of `live` with the uid and version that `body` insists on."""
    wanted = {k: v for k, v in body["metadata"].items() if k in ("uid", "resourceVersion")}
    return {"metadata": {**live["metadata"], **wanted}} if wanted else {}


def _key(body: Json) -> Key:
    meta = body["metadata"]
    return Key(body["kind"], meta.get("namespace") or "", meta.get("name") or "")


def _key_of(obj: Resource) -> Key:
    return Key(obj.kind, obj.metadata.namespace, obj.metadata.name)


def _kind_of(body: Json) -> str:
    return names.with_group(str(body.get("kind", "")), str(body.get("apiVersion", "")))


def _resource_of(kind: str) -> str:
    api_version = next((version for version, known in KINDS if known == kind), "v1")
    return names.resource(api_version, kind)


def _only(shown: Any, body: Any) -> Any:
    """Of what is shown, only what was applied."""
    if isinstance(shown, Mapping) and isinstance(body, Mapping):
        return {k: _only(shown[k], v) for k, v in body.items() if k in shown and v is not None}
    if isinstance(shown, list) and isinstance(body, list) and len(shown) == len(body):
        return [_only(s, b) for s, b in zip(shown, body, strict=True)]
    return shown
