"""Argo CD Applications: their sources rendered as its repo server does (reposerver/repository/repository.go)."""

from __future__ import annotations

import json
import posixpath

from kgate.load.render.apps import directory, here, kustomized, scope
from kgate.load.render.apps.app import Answer, App, Setting
from kgate.load.render.helm.release import Release, Values, values_file
from kgate.load.render.nodes import Node, Place, mapping
from kgate.load.render.rendering import Elsewhere, NotRendered

_KUSTOMIZE = frozenset((
    "namePrefix", "nameSuffix", "images", "replicas", "commonLabels", "commonAnnotations", "namespace", "patches", "components",
    "version", "forceCommonLabels", "forceCommonAnnotations", "labelWithoutSelector", "labelIncludeTemplates", "kubeVersion", "apiVersions",
))  # fmt: skip
_HELM = frozenset((
    "valueFiles", "parameters", "releaseName", "values", "fileParameters", "version", "passCredentials", "ignoreMissingValueFiles",
    "skipCrds", "valuesObject", "namespace", "kubeVersion", "apiVersions", "skipTests", "skipSchemaValidation",
))  # fmt: skip


def render(run: Setting, app: App, answer: Answer) -> None:
    """Fills the answer. Raises NotRendered."""
    spec = app.node.get("spec")
    if spec is None or not spec.is_map:
        raise NotRendered("spec is missing", place=app.place)
    answer.environment = environment(spec)
    if (hydrator := spec.get("sourceHydrator")) is not None:
        raise NotRendered("sourceHydrator: sources are not hydrated", place=hydrator.key)
    listed = spec.get("sources")
    one = spec.get("source")
    sources = listed.items if listed is not None and listed.items else [one] if one is not None else []
    if not sources:
        raise NotRendered("it has no source", place=spec.place)
    refs = {s.string("ref"): s for s in sources if s.string("ref")}
    for source in sources:
        if not source.string("ref") or source.string("path"):
            answer.objects += _source(run, app, source, refs, answer)
    _namespaced(spec, answer)


def environment(spec: Node) -> str:
    cluster = spec.string("destination", "name") or spec.string("destination", "server").removeprefix("https://")
    cluster = "in-cluster" if cluster == "kubernetes.default.svc" else cluster
    return "/".join(filter(None, (cluster, spec.string("destination", "namespace"))))


def _namespaced(spec: Node, answer: Answer) -> None:
    namespace = spec.get("destination", "namespace")
    if namespace is not None and namespace.text:
        scope.put(answer.objects, namespace.text, namespace.place, scope.defined(answer.objects))


def _source(run: Setting, app: App, source: Node, refs: dict[str, Node], answer: Answer) -> list[Node]:
    if chart := source.string("chart"):
        raise Elsewhere(f"chart {chart[:100]} is in a registry of charts: kgate fetches nothing", place=source.place)
    here.demand(run, source.get("repoURL"), answer)
    here.revision(run, source.get("targetRevision"), answer)
    path = source.get("path")
    folder = run.folder(path.text if path is not None else ".", path.place if path is not None else source.place)
    _no_overrides(run, folder, app, source.place)
    what = _type(run, folder, source)
    answer.renderer = what if answer.renderer in ("", what) else "several"
    if what == "helm":
        return _helm(run, app, source, folder, refs, answer)
    if what == "kustomize":
        return _kustomize(run, source, folder, answer)
    return directory.objects(run, folder, source.get("directory"), answer, source.place)


def _no_overrides(run: Setting, folder: str, app: App, place: Place) -> None:
    """Files by which somebody overrules the Application."""
    for name in (".argocd-source.yaml", f".argocd-source-{app.node.string('metadata', 'name')}.yaml"):
        if "/" not in name and "\0" not in name and run.shelf.data(posixpath.join(folder, name)) is not None:
            raise NotRendered(f"{name[:100]} overrules it, which is not followed", place=place)


def _type(run: Setting, folder: str, source: Node) -> str:
    """`helm`, `kustomize` or `directory`: as the source says, else by what lies there (util/app/discovery)."""
    if (plugin := source.get("plugin")) is not None:
        raise NotRendered("plugins are not run", place=plugin.key)
    said = [what for what in ("kustomize", "helm", "directory") if (n := source.get(what)) is not None and n.children]
    if len(said) > 1:
        raise NotRendered(f"the source is {' and '.join(said)} at once", place=source.place)
    if said:
        return said[0]
    if run.shelf.data(posixpath.join(folder, "Chart.yaml")) is not None:
        return "helm"
    return "kustomize" if kustomized.kustomization_of(run, folder) is not None else "directory"


def _known(options: Node | None, known: frozenset[str], what: str, place: Place) -> Node:
    """The options, none where there are none. Raises NotRendered for one that kgate does not know."""
    for field, value in options.fields.items() if options is not None else ():
        if field not in known:
            raise NotRendered(f"{what}.{field[:60]} is not followed", place=value.key)
    return options if options is not None and options.is_map else mapping(place)


def _kustomize(run: Setting, source: Node, folder: str, answer: Answer) -> list[Node]:
    options = source.get("kustomize")
    if options is None or not options.children:
        return kustomized.objects(run, folder, None, answer)
    wanted = _known(options, _KUSTOMIZE, "kustomize", source.place)
    if wanted.get("version") is not None:
        answer.note("kustomize.version: what kustomize 5 makes was rendered")
    return kustomized.objects(run, folder, lambda node: _edit(node, wanted), answer)


def _edit(node: Node, wanted: Node) -> None:
    """What Argo CD writes into the kustomization before it is built (util/kustomize/kustomize.go)."""
    for field in ("namePrefix", "nameSuffix", "namespace"):
        kustomized.set_text(node, field, wanted.get(field))
    for image in _items(wanted, "images"):
        kustomized.set_image(node, kustomized.image_of(image.text, image.place), image.place)
    for count in _items(wanted, "replicas"):
        kept = [r for r in _items(node, "replicas") if r.string("name") != count.string("name")]
        node.children["replicas"] = Node(place=count.place, key=count.place, children=[*kept, count.copy()])
    _labels(node, wanted)
    if (annotations := wanted.get("commonAnnotations")) is not None:
        _pairs(node, "commonAnnotations", annotations)
    for field in ("patches", "components"):
        kustomized.append(node, field, _items(wanted, field), wanted.children[field].place if field in wanted.children else wanted.place)


def _items(node: Node, field: str) -> list[Node]:
    found = node.get(field)
    return found.items if found is not None else []


def _labels(node: Node, wanted: Node) -> None:
    labels = wanted.get("commonLabels")
    if labels is None or not labels.is_map:
        return
    if wanted.string("labelWithoutSelector") != "true":
        _pairs(node, "commonLabels", labels)
        return
    entry = mapping(labels.place)
    entry.children["pairs"] = labels.copy()
    if (templates := wanted.get("labelIncludeTemplates")) is not None:
        entry.children["includeTemplates"] = templates.copy()
    kustomized.append(node, "labels", [entry], labels.place)


def _pairs(node: Node, field: str, pairs: Node) -> None:
    there = node.get(field)
    if there is None or not there.is_map:
        there = node.children[field] = mapping(pairs.place, key=pairs.place)
    for name, value in pairs.fields.items():
        there.children[name] = value.copy()


def _helm(run: Setting, app: App, source: Node, folder: str, refs: dict[str, Node], answer: Answer) -> list[Node]:
    options = _known(source.get("helm"), _HELM, "helm", source.place)
    name = options.string("releaseName") or app.node.string("metadata", "name")
    release = Release(
        folder=folder,
        name=name,
        namespace=options.string("namespace") or app.node.string("spec", "destination", "namespace") or "default",
        values=_values(run, options, folder, refs, answer),
        crds=options.string("skipCrds") != "true",
        api_versions=tuple(v.text for v in _items(options, "apiVersions")),
        kubernetes_version=options.string("kubeVersion"),
    )
    return run.helm.objects(run.shelf, release, run.top(source.place), answer.budget)


def _values(run: Setting, options: Node, folder: str, refs: dict[str, Node], answer: Answer) -> Values:
    texts = []
    for file in _items(options, "valueFiles"):
        base, path = _values_path(run, file, folder, refs, answer)
        found = values_file(run.shelf, base, path, run.top(file.place))
        if found is not None:
            answer.budget.count(found[0], len(found[1]))
            texts.append(found[1])
        elif options.string("ignoreMissingValueFiles") != "true":
            raise NotRendered(f"there is no values file {file.text[:100]}", place=file.place)
    inline = options.get("valuesObject")
    if inline is not None and inline.children:
        texts.append(json.dumps(inline.plain()).encode())
    elif text := options.string("values"):
        texts.append(text.encode())
    files = []
    for parameter in _items(options, "fileParameters"):
        found = values_file(run.shelf, folder, parameter.string("path"), run.top(parameter.place))
        if found is None:
            raise NotRendered(f"there is no file {parameter.string('path')[:100]}", place=parameter.place)
        files.append((parameter.string("name"), found[1]))
    return Values(texts=tuple(texts), sets=tuple(_set(p) for p in _items(options, "parameters")), files=tuple(files))


def _set(parameter: Node) -> tuple[str, str]:
    """A comma in a value is none between values (util/helm/cmd.go, cleanSetParameters)."""
    name, value = parameter.string("name"), parameter.string("value")
    if not name or "=" in name or "\0" in name + value:
        raise NotRendered("a parameter has no name that can be set", place=parameter.place)
    if not (value.startswith("{") and value.endswith("}")):
        value = value.replace("\\,", ",").replace(",", "\\,")
    return ("set-string" if parameter.string("forceString") == "true" else "set"), f"{name}={value}"


def _values_path(run: Setting, file: Node, folder: str, refs: dict[str, Node], answer: Answer) -> tuple[str, str]:
    """The folder that the path of a values file begins at, and the rest. `$ref/` is the top of another source's repository."""
    text = file.text
    if "://" in text:
        raise NotRendered(f"values file {text[:100]} is remote: kgate fetches nothing", place=file.place)
    if any(c in text for c in "*?["):
        raise NotRendered(f"values file {text[:100]}: patterns are not followed", place=file.place)
    if not text.startswith("$"):
        return (run.top(file.place), text.lstrip("/")) if text.startswith("/") else (folder, text)
    ref, _, path = text[1:].partition("/")
    if ref not in refs:
        raise NotRendered(f"values file {text[:100]}: no source has that ref", place=file.place)
    here.demand(run, refs[ref].get("repoURL"), answer)
    here.revision(run, refs[ref].get("targetRevision"), answer)
    return run.top(file.place), path
