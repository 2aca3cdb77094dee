"""Flux: Kustomizations and HelmReleases whose source is this repository (fluxcd/pkg/kustomize, kustomize_generator.go)."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator

from kgate.load.render import objects as reading
from kgate.load.render.apps import here, kustomized, substitution
from kgate.load.render.apps.app import FLUX_KUSTOMIZATION, Answer, App, Setting
from kgate.load.render.helm.release import Release, Values, values_file
from kgate.load.render.kustomize.reading import in_file
from kgate.load.render.nodes import Node, Place, mapping, scalar
from kgate.load.render.rendering import Elsewhere, NotRendered


def render(run: Setting, app: App, answer: Answer) -> None:
    """Fills the answer. Raises NotRendered."""
    spec = app.node.get("spec")
    if spec is None or not spec.is_map:
        raise NotRendered("spec is missing", place=app.place)
    cluster = spec.string("kubeConfig", "secretRef", "name")
    namespace = spec.string("targetNamespace") or app.node.string("metadata", "namespace")
    answer.environment = "/".join(filter(None, (cluster, namespace)))
    if app.node.string("apiVersion").startswith(FLUX_KUSTOMIZATION):
        _kustomization(run, app, spec, answer)
    else:
        _release(run, app, spec, answer)


def _source(run: Setting, app: App, reference: Node | None, answer: Answer, place: Place) -> None:
    """Raises NotRendered unless the source is a GitRepository, and that is this repository."""
    if reference is None:
        raise NotRendered("sourceRef is missing", place=place)
    kind, name = reference.string("kind"), reference.string("name")
    if kind != "GitRepository":
        raise Elsewhere(f"{kind[:60]} {name[:100]} is no part of this repository: kgate fetches nothing", place=reference.place)
    namespace = reference.string("namespace") or app.node.string("metadata", "namespace")
    found = run.objects.get((kind, namespace, name))
    if found is None:
        answer.note(f"assumed: GitRepository {name[:100]} is this repository")
        return
    here.demand(run, found.get("spec", "url"), answer, "url of its GitRepository")
    for field in ("branch", "tag", "commit", "semver", "name"):
        if (wanted := found.get("spec", "ref", field)) is not None:
            here.revision(run, wanted, answer)


def _kustomization(run: Setting, app: App, spec: Node, answer: Answer) -> None:
    _source(run, app, spec.get("sourceRef"), answer, spec.place)
    path = spec.get("path")
    text = (path.text if path is not None and not path.is_null else "").removeprefix("./").strip("/")
    folder = run.folder(text or ".", path.place if path is not None else spec.place)
    answer.renderer = "kustomize"
    made = None if kustomized.kustomization_of(run, folder) is not None else _generated(run, folder, spec.place)
    answer.objects = kustomized.objects(run, folder, lambda node: _edit(node, spec), answer, made=made)
    if spec.get("decryption") is not None and any(o.fields.pop("sops", None) is not None for o in answer.objects):
        answer.note("encrypted values were not decrypted")
    _substitute(run, app, spec, answer)
    _metadata(spec, answer.objects)


def _generated(run: Setting, folder: str, place: Place) -> Node:
    """The kustomization that Flux writes where there is none: all files with objects, and the kustomizations of folders below."""
    entries = [scalar(p, place, quoted=True) for p in _resources(run, folder, "", place, 0)]
    node = mapping(place)
    node.children["resources"] = Node(place=place, key=place, children=entries)
    return node


def _resources(run: Setting, folder: str, below: str, place: Place, depth: int) -> Iterator[str]:
    if depth > 50:
        raise NotRendered("folders inside folders, more than 50 deep", place=place)
    here_ = posixpath.join(folder, below) if below else folder
    for entry in run.files.entries(here_):
        path = posixpath.join(below, entry.name)
        if entry.folder and entry.name != ".git":
            inner = run.files.real(posixpath.join(folder, path))
            if kustomized.kustomization_of(run, inner) is not None:
                yield path
            else:
                yield from _resources(run, folder, path, place, depth + 1)
        elif not entry.folder and entry.name.endswith((".yaml", ".yml")) and _holds(run, posixpath.join(folder, path)):
            yield path


def _holds(run: Setting, path: str) -> bool:
    """Whether there is an object in the file. Raises NotRendered for what is none, as Flux then fails."""
    real = run.files.real(path)
    if run.shelf.data(real) is None:
        raise NotRendered(f"{run.files.shown(path)} cannot be read")
    source = run.shelf.text(real)
    return bool(reading.objects(source.text, in_file(source)))


def _edit(node: Node, spec: Node) -> None:
    """What Flux writes into the kustomization before it is built."""
    for field, wanted in (("namespace", "targetNamespace"), ("namePrefix", "namePrefix"), ("nameSuffix", "nameSuffix")):
        kustomized.set_text(node, field, spec.get(wanted))
    for field in ("patches", "patchesStrategicMerge", "patchesJson6902", "components"):
        found = spec.get(field)
        if found is not None and found.items:
            kustomized.append(node, field, [_patch(i) for i in found.items], found.place)
    for image in images.items if (images := spec.get("images")) is not None else ():
        kustomized.set_image(node, image.copy(), image.place)


def _patch(item: Node) -> Node:
    """In a Kustomization strategic merges and JSON patches are data; a kustomization has them as texts."""
    if item.is_scalar or (patch := item.get("patch")) is None or patch.is_scalar:
        if item.is_map and item.get("target") is None and item.get("patch") is None:
            return scalar(json.dumps(item.plain()), item.place, quoted=True)
        return item
    made = item.copy()
    made.children["patch"] = scalar(json.dumps(patch.plain()), patch.place, key=patch.key, quoted=True)
    return made


def _metadata(spec: Node, objects: list[Node]) -> None:
    """`commonMetadata` wins over what objects have."""
    for field in ("labels", "annotations"):
        pairs = spec.get("commonMetadata", field)
        for node in objects if pairs is not None and pairs.fields else ():
            metadata = node.get("metadata")
            if metadata is None or not metadata.is_map:
                continue
            there = metadata.get(field)
            if there is None or not there.is_map:
                there = metadata.children[field] = mapping(pairs.place, key=pairs.place)  # type: ignore[union-attr]
            for name, value in pairs.fields.items():  # type: ignore[union-attr]
                there.children[name] = value.copy()


def _substitute(run: Setting, app: App, spec: Node, answer: Answer) -> None:
    build = spec.get("postBuild")
    if build is None or not build.is_map:
        return
    variables: dict[str, str] = {}
    for reference in listed.items if (listed := build.get("substituteFrom")) is not None else ():
        data = _data(run, app, reference, answer)
        variables |= data if data is not None else {}
    for name, value in inline.fields.items() if (inline := build.get("substitute")) is not None else ():
        variables[name] = value.text
    # Line ends would break the YAML that they are put into.
    variables = {n: v.replace("\n", "") for n, v in variables.items()}
    if variables:
        substitution.apply(answer.objects, variables)


def _data(run: Setting, app: App, reference: Node, answer: Answer) -> dict[str, str] | None:
    """The data of a ConfigMap or Secret of the repository; None for an optional one that is not there. Raises NotRendered."""
    kind, name = reference.string("kind"), reference.string("name")
    found = run.objects.get((kind, app.node.string("metadata", "namespace"), name))
    if found is None and reference.string("optional") == "true":
        answer.note(f"{kind[:20]} {name[:100]} is optional and not in the repository")
        return None
    if found is None:
        raise NotRendered(f"{kind[:20]} {name[:100]} is not in the repository", place=reference.place)
    if found.get("sops") is not None:
        raise NotRendered(f"{kind[:20]} {name[:100]} is encrypted", place=reference.place)
    data, plain = found.get("data"), found.get("stringData")
    pairs = data.fields.items() if data is not None else ()
    out = {n: _decoded(v, reference) if kind == "Secret" else v.text for n, v in pairs}
    return out | {n: v.text for n, v in (plain.fields.items() if plain is not None and kind == "Secret" else ())}


def _decoded(value: Node, reference: Node) -> str:
    import base64
    import binascii

    try:
        return base64.b64decode(value.text, validate=False).decode("utf-8")
    except (binascii.Error, ValueError) as e:
        raise NotRendered("a Secret's data is not base64 of text", place=reference.place) from e


def _release(run: Setting, app: App, spec: Node, answer: Answer) -> None:
    answer.renderer = "helm"
    if (reference := spec.get("chartRef")) is not None:
        raise Elsewhere(f"{reference.string('kind')[:60]} is no part of this repository: kgate fetches nothing", place=reference.place)
    chart = spec.get("chart", "spec")
    if chart is None:
        raise NotRendered("it names no chart", place=spec.place)
    _source(run, app, chart.get("sourceRef"), answer, chart.place)
    if (renderers := spec.get("postRenderers")) is not None and renderers.items:
        raise NotRendered("postRenderers are not followed", place=renderers.key)
    path = chart.get("chart")
    folder = run.folder((path.text if path is not None else "").removeprefix("./").strip("/") or ".", (path or chart).place)
    target, own = spec.string("targetNamespace"), app.node.string("metadata", "namespace")
    name = app.node.string("metadata", "name")
    release = Release(
        folder=folder,
        name=spec.string("releaseName") or (f"{target}-{name}" if target else name),
        namespace=target or own or "default",
        values=Values(texts=tuple(_values(run, app, spec, chart, folder, answer))),
        crds=spec.string("install", "crds") != "Skip",
    )
    answer.objects = run.helm.objects(run.shelf, release, run.top(spec.place), answer.budget)


def _values(run: Setting, app: App, spec: Node, chart: Node, folder: str, answer: Answer) -> Iterator[bytes]:
    top = run.top(spec.place)
    for file in listed.items if (listed := chart.get("valuesFiles")) is not None else ():
        # From the root of the source, not of the chart.
        found = values_file(run.shelf, top, file.text, top)
        if found is None and chart.string("ignoreMissingValuesFiles") != "true":
            raise NotRendered(f"there is no values file {file.text[:100]}", place=file.place)
        if found is not None:
            answer.budget.count(found[0], len(found[1]))
            yield found[1]
    del folder
    for reference in listed.items if (listed := spec.get("valuesFrom")) is not None else ():
        if reference.string("targetPath"):
            raise NotRendered("valuesFrom.targetPath is not followed", place=reference.place)
        data = _data(run, app, reference, answer)
        key = reference.string("valuesKey") or "values.yaml"
        if data is not None and key not in data:
            raise NotRendered(f"{reference.string('kind')[:20]} {reference.string('name')[:100]} has no {key[:60]}", place=reference.place)
        if data is not None:
            yield data[key].encode()
    if (inline := spec.get("values")) is not None and inline.children:
        yield json.dumps(inline.plain()).encode()
