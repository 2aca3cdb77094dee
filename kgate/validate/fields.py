"""References from a container to fields of its pod (validateObjectFieldSelector, validateContainerResourceFieldSelector)."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import formats, quantity
from kgate.validate.cause import Body, Causes, invalid, not_supported, required, text

OF_ENV = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
OF_VOLUMES = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
_KNOWN = {*OF_ENV, *OF_VOLUMES, "spec.restartPolicy", "spec.schedulerName", "status.phase"}
_RESOURCES = tuple(f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory"))
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")
_SIZES = ("1", *(f"1{unit}" for unit in ("k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")))


def object_field(reference: Body, path: Path, expressions: tuple[str, ...]) -> Causes:
    """`fieldRef`. apiVersion is v1 when it is left out."""
    version, written = text(reference, "apiVersion") or "v1", text(reference, "fieldPath")
    if not written:
        yield required((*path, "fieldPath"))
        return
    field, bracket, key = written.removesuffix("']").partition("['") if written.endswith("']") else (written, "", "")
    if fault := _unconvertible(version, written, field, bool(bracket)):
        yield invalid((*path, "fieldPath"), written, f"error converting fieldPath: {fault}")
    elif bracket:
        for wrong in formats.label_key(key.lower() if field == "metadata.annotations" else key):
            yield invalid(path, key, wrong)
    elif (field := "spec.nodeName" if field == "spec.host" else field) not in expressions:
        yield not_supported((*path, "fieldPath"), field, expressions)


def _unconvertible(version: str, written: str, field: str, subscripted: bool) -> str:
    """pkg/apis/core/pods/helpers.go:ConvertDownwardAPIFieldLabel."""
    if version != "v1":
        return f"unsupported pod version: {version}"
    if subscripted and field not in ("metadata.annotations", "metadata.labels"):
        return f'field label does not support subscript: "{field}"' if field else f"field label not supported: {written}"
    if not subscripted and field not in _KNOWN and field != "spec.host":
        return f"field label not supported: {written}"
    return ""


def resource_field(reference: Body, path: Path, *, of_volume: bool = False) -> Causes:
    """`resourceFieldRef`; in a volume it must name its container."""
    resource = text(reference, "resource")
    if of_volume and not text(reference, "containerName"):
        yield required((*path, "containerName"))
    elif not resource:
        yield required((*path, "resource"))
    elif resource not in _RESOURCES and not resource.startswith(_HUGE_PAGES):
        yield not_supported((*path, "resource"), resource, _RESOURCES)
    yield from _divisor(resource, reference, path)


def _divisor(resource: str, reference: Body, path: Path) -> Causes:
    divisor = reference.get("divisor")
    if not quantity.nano(divisor):
        return
    kind = resource.partition(".")[2]
    allowed, what = (("1m", "1"), "cpu") if kind == "cpu" else (_SIZES, _SPELT.get(kind, "hugepages"))
    if (kind in _SPELT or resource.startswith(_HUGE_PAGES)) and quantity.text(divisor) not in allowed:
        listed = "1m and 1" if kind == "cpu" else ", ".join(_SIZES)
        yield invalid((*path, "divisor"), resource, f"only divisor's values {listed} are supported with the {what} resource")


_SPELT = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "local ephemeral storage"}
