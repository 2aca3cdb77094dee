"""Documents to Manifests: what is an object, what is none of Kubernetes' business, and what kubectl would refuse."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from kgate.finding import Finding, Rule, Skipped
from kgate.load import rules
from kgate.load.fault import Parsed
from kgate.load.layout import KUSTOMIZATIONS
from kgate.load.source import Document, Text, Trees, read
from kgate.manifest import Location, Manifest, Path, Subject

HELM = "helm template: chart not rendered"
MAX_LISTS = 20
"""Lists inside Lists. Unlike upstream: kubectl has no limit but the decoder's depth."""

_SIGN = re.compile(r"""(?:^|[\s{,"'])(?:apiVersion|kind)["']?\s*:""")
_ALWAYS = (rules.NOT_TEXT, rules.TOO_DEEP, rules.ALIAS_BOMB, rules.TOO_LARGE)


class Contents(Struct):
    """What one file holds."""

    source: Text
    manifests: list[Manifest] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def refuse(
        self,
        document: Document,
        rule: Rule,
        message: str,
        place: Location,
        remediation: str | None = None,
        subject: Subject | None = None,
    ) -> None:
        """`place` is relative to the document."""
        here = document.here(place)
        found = Finding.in_file(self.source.file, here, rule=rule, message=message, document=document.index, remediation=remediation)
        self.findings.append(replace(found, object=subject) if subject else found)

    def refuse_all(self, document: Document, parsed: Parsed) -> None:
        """Faults of the text of an object name the object."""
        data = parsed.data
        subject = Manifest(source=self.source, document=document.index, body=data).subject if isinstance(data, dict) else None
        for f in parsed.faults:
            self.refuse(document, f.rule, f.message, f.place, f.remediation, subject)

    def skip(self, document: Document, reason: str, *, wanted: bool = False) -> None:
        self.skipped.append(Skipped(file=self.source.file, line=document.line, reason=reason, wanted=wanted))


def contents(file: str, text: str, *, explicit: bool, trees: Trees) -> Contents:
    """Reads every document of `text`. `explicit`: the user named the file, so it is told apart from what merely lies about."""
    documents = [(d, p) for d, p in read(text) if p.data is not None or p.faults or d.separator]
    found = Contents(source=Text(file=file, text=text, documents={d.index: d for d, _ in documents}, trees=trees))
    beside = any(_is_typed(p.data) for _, p in documents)
    for document, parsed in documents:
        if document.separator:
            _bad_separator(found, document, parsed, beside)
        if parsed.broken:
            _broken(found, document, parsed, expected=explicit or beside)
        elif parsed.data is not None:
            _whole(found, document, parsed, beside=beside)
    if not (found.manifests or found.findings or found.skipped):
        found.skipped.append(Skipped(file=file, reason="empty: no document in it"))
    return found


def _bad_separator(found: Contents, document: Document, parsed: Parsed, beside: bool) -> None:
    if beside or _is_typed(parsed.data) or _SIGN.search(document.separator):
        place = Location(line=document.line - 1, column=1)
        message = f"`---` is followed by {document.separator[:60]!r}: kubectl admits only a comment there"
        found.findings.append(
            Finding.in_file(
                found.source.file,
                place,
                rule=rules.SYNTAX,
                message=message,
                document=document.index,
                remediation="put it on a line of its own",
            )
        )


def _broken(found: Contents, document: Document, parsed: Parsed, *, expected: bool) -> None:
    fault = parsed.faults[0]
    if fault.rule in _ALWAYS:
        found.refuse_all(document, parsed)
    elif "{{" in document.text:
        # Wanted: broken text beside good documents must not pass because it holds two braces.
        found.skip(document, HELM, wanted=True)
    elif expected or _SIGN.search(document.text):
        found.refuse_all(document, parsed)
    else:
        found.skip(document, "not a Kubernetes object, and not valid YAML")


def _whole(found: Contents, document: Document, parsed: Parsed, *, beside: bool) -> None:
    data = parsed.data
    if any(f.rule is rules.BAD_KEY for f in parsed.faults) and "{{" in document.text and _is_template(parsed):
        found.skip(document, HELM, wanted=True)
        return
    reason = _foreign(found.source.file, data, beside)
    if reason:
        found.skip(document, reason)
        return
    found.refuse_all(document, parsed)
    if isinstance(data, dict):
        _object(found, document.index, data, (), lists=0)
    else:
        what = "a list" if isinstance(data, list) else "a single value"
        place = found.source.locate(document.index, (), key=False)
        message = f"document is {what}, not a mapping"
        found.findings.append(Finding.in_file(found.source.file, place, rule=rules.NOT_AN_OBJECT, message=message, document=document.index))


def _is_template(parsed: Parsed) -> bool:
    """`{{ .Values.x }}` outside quotes is a mapping as a key of a mapping."""
    return any(f.remediation is not None for f in parsed.faults if f.rule is rules.BAD_KEY)


def _foreign(file: str, data: object, beside: bool) -> str:
    """Why the document is none of Kubernetes' business; empty when it is."""
    if isinstance(data, list) and any(_is_typed(item) for item in data):
        return ""
    if isinstance(data, str) and _SIGN.search(data):
        return ""
    if not isinstance(data, dict):
        return "" if beside else "not a Kubernetes object: not a mapping"
    name = file.rpartition("/")[2]
    untyped = "apiVersion" not in data and "kind" not in data
    if str(data.get("apiVersion", "")).startswith("kustomize.config.k8s.io/") or (untyped and name in KUSTOMIZATIONS):
        return "kustomization: not built"
    if name == "Chart.yaml" and "kind" not in data:
        return "chart metadata: not a Kubernetes object"
    if _is_typed(data) or beside:
        return ""
    if "apiVersion" in data:
        other = "version" in data or not isinstance(data["apiVersion"], str)  # a chart's metadata, provisioning files of other tools
        return "not a Kubernetes object: no kind" if other and not _is_half(data) else ""
    if "kind" in data:
        return "" if _is_half(data) else "not a Kubernetes object: no apiVersion"
    return "not a Kubernetes object: no apiVersion and kind"


def _is_typed(data: object) -> bool:
    return isinstance(data, Mapping) and "apiVersion" in data and "kind" in data


def _is_half(data: Mapping[str, Any]) -> bool:
    return "metadata" in data or "spec" in data


def _object(found: Contents, index: int, body: dict[str, Any], root: Path, *, lists: int) -> None:
    manifest = Manifest(source=found.source, document=index, root=root, body=body)
    if not _has_type(found, manifest):
        return
    if manifest.kind == "List" or (manifest.kind.endswith("List") and isinstance(body.get("items"), list)):
        _list(found, manifest, lists=lists)
    else:
        found.manifests.append(manifest)


def _has_type(found: Contents, manifest: Manifest) -> bool:
    """The apimachinery's own first questions: a kind, and an apiVersion of one or two parts."""
    fault = _kind_fault(manifest.body) or _version_fault(manifest.body)
    if fault is None:
        return True
    name, message = fault
    found.findings.append(Finding.at(manifest, (name,), rule=rules.TYPE_META, message=message))
    return False


def _kind_fault(body: Mapping[str, Any]) -> tuple[str, str] | None:
    kind = body.get("kind")
    if isinstance(kind, str) and kind:
        return None
    if kind is None or kind == "":
        return "kind", "kind is missing"
    return "kind", "kind must be a string"


def _version_fault(body: Mapping[str, Any]) -> tuple[str, str] | None:
    version = body.get("apiVersion")
    if version is None or version == "":
        return "apiVersion", "apiVersion is missing"
    if not isinstance(version, str):
        return "apiVersion", "apiVersion must be a string"
    parts = version.split("/")
    return None if len(parts) <= 2 and all(parts) else ("apiVersion", f'apiVersion "{version}" is not VERSION or GROUP/VERSION')


def _list(found: Contents, manifest: Manifest, *, lists: int) -> None:
    """Items become manifests of their own. Those of a `DeploymentList` take its type when they have none (apimachinery, unstructured)."""
    items = manifest.body.get("items")
    if lists >= MAX_LISTS:
        found.findings.append(Finding.at(manifest, (), rule=rules.TOO_DEEP, message=f"Lists nest more than {MAX_LISTS} deep"))
    elif not isinstance(items, list):
        message = "items of a List is missing" if "items" not in manifest.body else "items of a List must be a list"
        if items is not None or "items" not in manifest.body:
            found.findings.append(Finding.at(manifest, ("items",), rule=rules.BAD_LIST, message=message))
    else:
        for n, item in enumerate(items):
            _item(found, manifest, n, item, lists=lists + 1)


def _item(found: Contents, manifest: Manifest, n: int, item: object, *, lists: int) -> None:
    if not isinstance(item, dict):
        found.findings.append(Finding.at(manifest, ("items", n), rule=rules.BAD_LIST, message=f"item {n} of the List is not an object"))
        return
    kind = manifest.kind.removesuffix("List")
    if kind and not item.get("kind") and not item.get("apiVersion"):
        item = {**item, "apiVersion": manifest.api_version, "kind": kind}
    _object(found, manifest.document, item, (*manifest.root, "items", n), lists=lists)
