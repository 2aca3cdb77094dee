"""JSON as the API server speaks it, to and from the frozen structs.

What a class does not model is kept in its `rest`, so decoding loses nothing and `==` is the API machinery's semantic equality.
Field names are camelCase without the `_ms` of times; `field(name=...)` names the exceptions.
What is `Annotated[..., "always"]` is shown at its zero value, too.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from msgspec import Struct, structs

from kgate.engine.api import apps, autoscaling, core, policy, quantity, quota, resources, storage, verticalautoscaling
from kgate.engine.api.meta import NO_REST, FrozenMap, ObjectMeta, Resource, Rest, Unstructured

Json = Any
"""What `json.loads` returns."""

ALWAYS = "always"
"""The mark of a field that the API shows at its zero value, too."""

KINDS: Mapping[tuple[str, str], type[Any]] = {
    (cls.api_version, cls.kind): cls
    for cls in (
        apps.Deployment,
        apps.ReplicaSet,
        autoscaling.HorizontalPodAutoscaler,
        core.Event,
        core.Namespace,
        core.Node,
        core.PersistentVolumeClaim,
        core.Pod,
        core.PriorityClass,
        core.Service,
        policy.PodDisruptionBudget,
        quota.LimitRange,
        quota.ResourceQuota,
        storage.CSINode,
        storage.PersistentVolume,
        storage.StorageClass,
        verticalautoscaling.VerticalPodAutoscaler,
    )
}
"""The kinds the engine interprets, by apiVersion and kind. All others decode to `Unstructured`."""

CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "CSIDriver",
        "CSINode",
        "CustomResourceDefinition",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    }
)
"""Kinds whose objects have no namespace."""


class DecodeError(ValueError):
    """The JSON has not the shape of its kind. `path` says where, in dots and brackets."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


def decode(body: Mapping[str, Json]) -> Resource:
    """The object as its struct, or `Unstructured` for a kind the engine does not model. Raises DecodeError."""
    api_version, kind = str(body.get("apiVersion", "")), str(body.get("kind", ""))
    cls = KINDS.get((api_version, kind))
    fields = {k: v for k, v in body.items() if k not in ("apiVersion", "kind")}
    if cls is None:
        meta = fields.pop("metadata", None) or {}
        return Unstructured(kind=kind, api_version=api_version, metadata=decode_as(ObjectMeta, meta), rest=freeze(fields))
    return typing.cast(Resource, decode_as(cls, fields))


def encode(obj: Resource) -> dict[str, Json]:
    """As the API shows it. Fields at their zero value are left out, as Go's omitempty does."""
    return {"apiVersion": obj.api_version, "kind": obj.kind, **encode_fields(obj)}


def decode_as(cls: Any, body: Json, path: str = "") -> Any:
    """A part of an object, for example a PodSpec, from its JSON. Raises DecodeError."""
    return _decoder(cls)(body, path)


def encode_fields(part: Any) -> dict[str, Json]:
    """A part of an object as JSON."""
    out: dict[str, Json] = {}
    for name, json_name, default, always, show in _shown(_class(part)):
        value = getattr(part, name)
        if always or value != default:
            out[json_name] = show(value)
    out.update(thaw(getattr(part, "rest", NO_REST)))
    return out


def _class(part: Any) -> Any:
    return type(part)


def freeze(value: Json) -> Any:
    """Mappings become FrozenMap (without their nulls, which mean absent), lists become tuples."""
    if isinstance(value, Mapping):
        return FrozenMap({k: freeze(v) for k, v in value.items() if v is not None})
    if isinstance(value, list | tuple):
        return tuple(freeze(v) for v in value)
    return value


def thaw(value: Any) -> Json:
    """The other way round; the result is the caller's to change."""
    if isinstance(value, Mapping):
        return {k: thaw(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return [thaw(v) for v in value]
    return value


def timestamp(ms: int) -> str:
    """RFC 3339 in UTC with second resolution; virtual time begins with 1970."""
    import datetime

    moment = datetime.datetime.fromtimestamp(ms // 1000, tz=datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse_times(value: Json, path: str) -> Any:
    return FrozenMap({k: _parse_time(v, f"{path}.{k}") for k, v in _mapping(value, path).items()})


def _show_times(times: Mapping[str, int]) -> Json:
    return {name: timestamp(ms) for name, ms in times.items()}


def _parse_time(value: Json, path: str) -> int | None:
    import datetime

    try:
        return int(datetime.datetime.fromisoformat(str(value)).timestamp()) * 1000
    except ValueError:
        raise DecodeError(path, f"cannot read {value!r} as a timestamp") from None


Decoder = Callable[[Json, str], Any]


@cache
def _decoder(cls: Any) -> Decoder:
    """Built once for each class from its fields."""
    known: dict[str, tuple[str, Decoder]] = {}
    for name, json_name, hint, _ in _fields(cls):
        known[json_name] = (name, _decoder_for(hint))
    has_rest = "rest" in cls.__struct_fields__

    def decode_object(body: Json, path: str) -> Any:
        if not isinstance(body, Mapping):
            raise DecodeError(path, f"cannot read {_go_kind(body)} as {cls.__name__}")
        values: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for key, value in body.items():
            if value is None:
                continue
            if key in known:
                name, read = known[key]
                values[name] = read(value, f"{path}.{key}" if path else key)
            elif has_rest:
                rest[key] = freeze(value)
        return cls(**values, rest=FrozenMap(rest)) if rest else cls(**values)

    return decode_object


def _decoder_for(hint: Any) -> Decoder:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _decoder_for(args[0]) if args[1] == ALWAYS else _ANNOTATED[args[1]]
    if origin in (typing.Union, types.UnionType):
        real = [a for a in args if a is not type(None)]
        return _decoder_for(real[0]) if len(real) == 1 else _scalar((int, str))
    if origin is tuple:
        return _list_of(_decoder_for(args[0]))
    if origin is FrozenMap:
        return _labels if args[1] is str else lambda value, _path: freeze(value)
    if isinstance(hint, type) and issubclass(hint, Struct):
        return lambda value, path: decode_as(hint, value, path)
    return _scalar((hint,))


def _list_of(read: Decoder) -> Decoder:
    def decode_list(value: Json, path: str) -> Any:
        if not isinstance(value, list | tuple):
            raise DecodeError(path, f"cannot read {_go_kind(value)} as a list")
        return tuple(read(item, f"{path}[{n}]") for n, item in enumerate(value))

    return decode_list


def _labels(value: Json, path: str) -> Any:
    read = _scalar((str,))
    return FrozenMap({k: read(v, f"{path}.{k}") for k, v in _mapping(value, path).items() if v is not None})


def _amounts(value: Json, path: str) -> Any:
    return FrozenMap({k: _amount(k, v, f"{path}.{k}") for k, v in _mapping(value, path).items()})


def _amount(resource: str, value: Json, path: str) -> int:
    try:
        return resources.amount(resource, quantity.parse(value))
    except (ValueError, TypeError) as e:
        raise DecodeError(path, str(e)) from None


def _quantities(value: Json, path: str) -> Any:
    return FrozenMap({k: _quantity(v, f"{path}.{k}") for k, v in _mapping(value, path).items()})


def _quantity(value: Json, path: str) -> quantity.Quantity:
    return quantity.rounded_to_milli(_any_quantity(value, path))


def _any_quantity(value: Json, path: str) -> quantity.Quantity:
    try:
        return quantity.parse(value)
    except (ValueError, TypeError) as e:
        raise DecodeError(path, str(e)) from None


def _show_quantities(amounts: Mapping[str, quantity.Quantity]) -> Json:
    return {name: str(amount) for name, amount in amounts.items()}


def _show_amounts(amounts: Mapping[str, int]) -> Json:
    return {name: str(resources.quantity(name, amount)) for name, amount in amounts.items()}


def _mapping(value: Json, path: str) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise DecodeError(path, f"cannot read {_go_kind(value)} as a map")
    return value


def _scalar(accepted: tuple[type, ...]) -> Decoder:
    def decode_scalar(value: Json, path: str) -> Any:
        if type(value) in accepted:
            return value
        raise DecodeError(path, f"cannot read {_go_kind(value)} as {' or '.join(t.__name__ for t in accepted)}")

    return decode_scalar


def _go_kind(value: Json) -> str:
    """How encoding/json calls the type of a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


@cache
def _fields(cls: Any) -> tuple[tuple[str, str, Any, Any], ...]:
    """Attribute name, JSON name, type and default of every modelled field."""
    return tuple((f.name, _json_name(f), f.type, f.default) for f in structs.fields(cls) if f.name != "rest")


def _json_name(f: structs.FieldInfo) -> str:
    return f.encode_name if f.encode_name != f.name else re.sub(r"_([a-z])", lambda m: m[1].upper(), f.name.removesuffix("_ms"))


Shown = tuple[str, str, Any, bool, Callable[[Any], Json]]


@cache
def _shown(cls: Any) -> tuple[Shown, ...]:
    """Attribute, JSON name, default, whether it is shown even so, and how."""
    return tuple((name, json_name, default, _always(hint), _shower(hint)) for name, json_name, hint, default in _fields(cls))


def _always(hint: Any) -> bool:
    return typing.get_origin(hint) is typing.Annotated and typing.get_args(hint)[1] == ALWAYS


def _shower(hint: Any) -> Callable[[Any], Json]:
    if typing.get_origin(hint) is typing.Annotated:
        return _shower(typing.get_args(hint)[0]) if _always(hint) else _SHOW_ANNOTATED[typing.get_args(hint)[1]]
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(hint) if a is not type(None)]
        return _shower(inner[0]) if len(inner) == 1 else thaw
    return _show


def _show(value: Any) -> Json:
    """A value of any modelled type as JSON."""
    if isinstance(value, str | int):
        return value
    if isinstance(value, tuple):
        return [_show(v) for v in value]
    if isinstance(value, Mapping):
        return {k: _show(v) for k, v in value.items()}
    if isinstance(value, Struct):
        return encode_fields(value)
    return value


_ANNOTATED: Mapping[str, Decoder] = {
    "time": _parse_time,
    "times": _parse_times,
    "quantities": _amounts,
    "exact quantities": _quantities,
    "quantity": _any_quantity,
    "decimal string": lambda value, _path: int(value),
}
_SHOW_ANNOTATED: Mapping[str, Callable[[Any], Json]] = {
    "time": timestamp,
    "times": _show_times,
    "quantities": _show_amounts,
    "exact quantities": _show_quantities,
    "quantity": str,
    "decimal string": str,
}

__all__ = [
    "CLUSTER_SCOPED",
    "KINDS",
    "DecodeError",
    "Json",
    "Rest",
    "decode",
    "decode_as",
    "encode",
    "encode_fields",
    "freeze",
    "thaw",
    "timestamp",
]
