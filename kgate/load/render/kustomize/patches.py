"""`patches`, `patchesStrategicMerge` and `patchesJson6902` (api/internal/builtins)."""

from __future__ import annotations

from kgate.load.render.kustomize import jsonpatch, reading, strategic
from kgate.load.render.kustomize.folder import Folder
from kgate.load.render.kustomize.resources import Resource, Resources
from kgate.load.render.kustomize.selectors import Selector
from kgate.load.render.nodes import STR, Node, bare_key
from kgate.load.render.rendering import NotRendered


def strategic_merge(resources: Resources, folder: Folder, entries: list[Node]) -> None:
    """Each entry is a file, or the patch itself."""
    for patch in [p for entry in entries for p in _loaded(folder, entry)]:
        target = resources.one(patch.original, patch.node.place)
        _merge_all(resources, [target], patch)


def _loaded(folder: Folder, entry: Node) -> list[Resource]:
    nodes: list[Node] | None = None
    if "\n" in entry.text or ":" in entry.text or "{" in entry.text:
        try:
            nodes = reading.objects(entry.text, reading.inside(entry))
        except NotRendered:
            nodes = None
    if nodes is None:
        nodes = [n.copy() for n in folder.shelf.objects(folder.read(entry.text, entry.place))]
    return [Resource(n) for n in nodes]


def patch(resources: Resources, folder: Folder, entry: Node) -> None:
    """An entry of `patches`: a strategic merge or a JSON patch, whichever the text is."""
    text, shift = _text(folder, entry)
    try:
        nodes = reading.objects(text, shift)
    except NotRendered as e:
        operations = _operations(text, shift, e)
        _json_patch(resources, entry, operations, remember=True)
        return
    options = entry.get("options")
    patches = [Resource(n) for n in nodes]
    for p in patches:
        p.name_change = options is not None and options.string("allowNameChange") == "true"
        p.kind_change = options is not None and options.string("allowKindChange") == "true"
    _merge_patches(resources, entry, patches)


def _text(folder: Folder, entry: Node) -> tuple[str, reading.Shift]:
    inline, path = entry.get("patch"), entry.string("path")
    written = inline is not None and bool(inline.text.strip())
    if written == bool(path):
        raise NotRendered("a patch needs either path or patch", place=entry.place)
    if inline is not None and written:
        return inline.text, reading.inside(inline)
    source = folder.shelf.text(folder.read(path, entry.children["path"].place))
    return source.text, reading.in_file(source)


def _operations(text: str, shift: reading.Shift, first: NotRendered) -> list[jsonpatch.Operation]:
    """Raises NotRendered with the reason that fits what the text seems to be."""
    try:
        return jsonpatch.read(text, shift)
    except NotRendered as e:
        raise (e if text.lstrip()[:1] in ("-", "[") else first) from None


def _merge_patches(resources: Resources, entry: Node, patches: list[Resource]) -> None:
    target = entry.get("target")
    if target is None:
        for p in patches:
            found = resources.one(p.original, p.node.place)
            _merge_into(found, p)
        return
    if len(patches) > 1:
        raise NotRendered("several patches in one entry cannot have a target", place=entry.place)
    for p in patches:
        _merge_all(resources, Selector(target).select(resources), p)


def _merge_all(resources: Resources, targets: list[Resource], patch: Resource) -> None:
    """reswrangler.go, ApplySmPatch: each target gets a copy that has its type."""
    for target in targets:
        copy = patch.copy()
        _metadata_as_text(copy.node)
        version = target.node.get("apiVersion")
        if version is None:
            copy.node.children.pop("apiVersion", None)
        else:
            copy.node.put("apiVersion", version.copy())
        _merge_into(target, copy)
    resources.drop_empty()
    resources.check_unique()


def _metadata_as_text(node: Node) -> None:
    """Labels and annotations of such a patch go through maps of texts, so a null there is the text `null` and removes nothing."""
    metadata = node.get("metadata")
    for field in ("labels", "annotations"):
        found = metadata.fields.get(field) if metadata is not None else None
        if metadata is None or found is None:
            continue
        if not found.children:
            del metadata.children[field]
        for name, value in found.fields.items():
            bare_key(name, value.place)
            value.children, value.tag = None, STR


def _merge_into(target: Resource, patch: Resource) -> None:
    """The name, the kind and the namespace stay, unless the patch may change them (api/resource/resource.go, ApplySmPatch)."""
    kept = {f: target.node.get(*f) for f in (("kind",), ("metadata", "name"), ("metadata", "namespace"))}
    kept = {f: n.copy() if n is not None else None for f, n in kept.items()}
    if patch.name_change or patch.kind_change:
        target.remember()
    merged = strategic.merge(target.node, patch.node)
    if merged is None:
        target.node.children = {}
        return
    target.node = merged
    if not merged.children:
        return
    if not patch.kind_change:
        _restore(target.node, "kind", kept[("kind",)])
    metadata = target.node.get("metadata")
    if metadata is None or not metadata.is_map:
        raise NotRendered("a patch takes the metadata away", place=patch.node.place)
    if not patch.name_change:
        _restore(metadata, "name", kept[("metadata", "name")])
    _restore(metadata, "namespace", kept[("metadata", "namespace")])


def _restore(node: Node, field: str, value: Node | None) -> None:
    if value is None or not value.text:
        node.children.pop(field, None)
    else:
        node.children[field] = value


def json6902(resources: Resources, folder: Folder, entry: Node) -> None:
    if not entry.string("target", "name"):
        raise NotRendered("patchesJson6902: a target needs a name", place=entry.place)
    text, shift = _text(folder, entry)
    operations = jsonpatch.read(text, shift)
    if not operations:
        raise NotRendered("patchesJson6902: the patch is empty", place=entry.place)
    _json_patch(resources, entry, operations, remember=False)


def _json_patch(resources: Resources, entry: Node, operations: list[jsonpatch.Operation], *, remember: bool) -> None:
    target = entry.get("target")
    if target is None:
        raise NotRendered("a JSON patch needs a target", place=entry.place)
    for r in Selector(target).select(resources):
        if remember:
            r.remember()
        r.note_annotations()
        jsonpatch.apply(r.node, operations)
