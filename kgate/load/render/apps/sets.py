"""ApplicationSets: list and git generators; what asks a cluster, a forge or a plugin is not followed (applicationset/generators)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from kgate.load.patterns import Pattern
from kgate.load.render.apps import directory, here
from kgate.load.render.apps.app import Answer, App, Setting
from kgate.load.render.apps.templating import Parameters, filled, normalized, text_of
from kgate.load.render.kustomize import reading
from kgate.load.render.nodes import Node
from kgate.load.render.rendering import NotRendered

MAX_APPS = 1_000
_UNFOLLOWED = {
    "clusters": "asks which clusters there are", "clusterDecisionResource": "asks a cluster", "scmProvider": "asks a forge",
    "pullRequest": "asks a forge", "plugin": "asks a plugin", "matrix": "is not followed", "merge": "is not followed",
}  # fmt: skip


def applications(run: Setting, app: App, answer: Answer) -> list[App]:
    """The Applications that the set makes, each once. Raises NotRendered: never some of them."""
    spec = app.node.get("spec")
    template = spec.get("template") if spec is not None else None
    generators = spec.get("generators") if spec is not None else None
    if spec is None or template is None or generators is None:
        raise NotRendered("it has no generators or no template", place=app.place)
    if (patch := spec.get("templatePatch")) is not None and patch.text:
        raise NotRendered("templatePatch is not followed", place=patch.key)
    go = spec.string("goTemplate") == "true"
    made = []
    for generator in generators.items:
        for parameters in _parameters(run, generator, answer, go=go):
            made.append(_application(app, template, parameters, go=go))
            if len(made) > MAX_APPS:
                raise NotRendered(f"it makes more than {MAX_APPS} Applications", place=generator.place)
    return made


def _application(app: App, template: Node, parameters: Parameters, *, go: bool) -> App:
    node = filled(template, parameters, go=go)
    node.children = {"apiVersion": app.node.children["apiVersion"], "kind": app.node.children["kind"], **node.fields}
    metadata = node.get("metadata")
    if metadata is None or not metadata.string("name"):
        raise NotRendered("the template names no Application", place=template.place)
    if not metadata.string("namespace") and (namespace := app.node.get("metadata", "namespace")) is not None:
        metadata.children["namespace"] = namespace
    return App(node=node, kind="ApplicationSet", above=app.above)


def _parameters(run: Setting, generator: Node, answer: Answer, *, go: bool) -> Iterator[Parameters]:
    for field, value in generator.fields.items():
        if field in _UNFOLLOWED:
            raise NotRendered(f"generator {field} {_UNFOLLOWED[field]}", place=value.key)
        if field not in ("list", "git"):
            raise NotRendered(f"generator {field[:60]} is not followed", place=value.key)
        if (own := value.get("template")) is not None and own.children:
            raise NotRendered("the template of a generator is not followed", place=own.key)
    if (listed := generator.get("list")) is not None:
        yield from _list(listed, go=go)
    if (git := generator.get("git")) is not None:
        yield from _git(run, git, answer, go=go)


def _list(generator: Node, *, go: bool) -> Iterator[Parameters]:
    if (text := generator.get("elementsYaml")) is not None and text.text:
        raise NotRendered("elementsYaml is not followed", place=text.key)
    elements = generator.get("elements")
    for element in elements.items if elements is not None else ():
        if not element.is_map:
            raise NotRendered("an element of a list is no mapping", place=element.place)
        value = element.plain()
        if go:
            yield value
            continue
        for name, inside in element.fields.items():
            if not inside.is_scalar and name != "values":
                raise NotRendered(f"{name[:60]} of an element is no text, which goTemplate would need", place=inside.place)
        yield _flat(value)


def _git(run: Setting, generator: Node, answer: Answer, *, go: bool) -> Iterator[Parameters]:
    here.demand(run, generator.get("repoURL"), answer)
    here.revision(run, generator.get("revision"), answer)
    for field in ("directories", "files"):
        found = generator.get(field)
        if found is None or not found.items:
            continue
        paths = _directories(run, found) if field == "directories" else _files(run, found)
        for path, content in paths:
            yield from _at_path(path, content, generator, go=go, is_file=field == "files")


def _directories(run: Setting, entries: Node) -> Iterator[tuple[str, list[Any]]]:
    top = run.top(entries.place)
    folders = sorted({f for p in _all(run, top, entries) for f in _above(p)})
    yield from ((f, [{}]) for f in _chosen(folders, entries))


def _files(run: Setting, entries: Node) -> Iterator[tuple[str, list[Any]]]:
    top = run.top(entries.place)
    for path in _chosen(sorted(_all(run, top, entries)), entries):
        real = run.files.real(posixpath.join(top, path))
        if run.shelf.data(real) is None:
            raise NotRendered(f"{path[:100]} cannot be read", place=entries.place)
        source = run.shelf.text(real)
        documents = [n.plain() for n in reading.documents(source.text, reading.in_file(source), settings=True)]
        value = documents[0] if len(documents) == 1 else documents
        contents = value if isinstance(value, list) else [value]
        if not all(isinstance(c, dict) for c in contents):
            raise NotRendered(f"{path[:100]} holds no mapping, and no list of them", place=entries.place)
        yield path, contents


def _all(run: Setting, top: str, entries: Node) -> Iterator[str]:
    """All files below the constant folders that the patterns begin with."""
    begins = {_constant(e.string("path")) for e in entries.items if e.string("exclude") != "true"}
    for begin in sorted(begins):
        if ".." in begin.split("/") or begin.startswith("/"):
            raise NotRendered(f"path {begin[:100]!r} leads out of the repository", place=entries.place)
        if any(begin != other and (not other or begin.startswith(other + "/")) for other in begins):
            continue
        folder = run.files.real(posixpath.join(top, begin)) if begin else top
        for path in directory.files(run, folder, recurse=True, place=entries.place):
            yield posixpath.join(begin, path)


def _constant(pattern: str) -> str:
    steps = pattern.removeprefix("./").strip("/").split("/")[:-1]
    constant = []
    for step in steps:
        if any(c in step for c in "*?[{\\"):
            break
        constant.append(step)
    return "/".join(constant)


def _above(path: str) -> Iterator[str]:
    folder = posixpath.dirname(path)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)


def _chosen(paths: list[str], entries: Node) -> list[str]:
    """What a pattern includes and none excludes; folders that begin with a dot are passed over."""
    patterns = [(_pattern(e), e.string("exclude") == "true") for e in entries.items]
    split = {p: p.split("/") for p in paths if not any(s.startswith(".") for s in p.split("/"))}
    included = [p for p, steps in split.items() if any(r.matches(steps)[-1] for r, out in patterns if not out)]
    return [p for p in included if not any(r.matches(split[p])[-1] for r, out in patterns if out)]


def _pattern(entry: Node) -> Pattern:
    """`apps/*/config.json`; `**` is any number of folders."""
    text = entry.string("path").removeprefix("./").rstrip("/")
    if not text or len(text) > 300 or any(c in text for c in "[]{}\\"):
        raise NotRendered(f"path {text[:100]!r} is no pattern that kgate follows", place=entry.place)
    return Pattern.of("/" + text)


def _at_path(path: str, contents: list[Any], generator: Node, *, go: bool, is_file: bool) -> Iterator[Parameters]:
    prefix = generator.string("pathParamPrefix")
    where = _path_parameters(path, is_file=is_file)
    for content in contents:
        if go:
            made: dict[str, Any] = {**content, **({prefix: {"path": where}} if prefix else {"path": where})}
        else:
            made = {**_flat(content), **_flat_path(where, f"{prefix}.path" if prefix else "path")}
        yield made | _own(generator, made, go=go)


def _own(generator: Node, parameters: Parameters, *, go: bool) -> dict[str, Any]:
    """`values` of a generator, which may use its parameters."""
    values = generator.get("values")
    if values is None or not values.fields:
        return {}
    texts = {n: text_of(v.text, parameters, v.place, go=go) for n, v in values.fields.items()}
    return {"values": texts} if go else {f"values.{n}": t for n, t in texts.items()}


def _path_parameters(path: str, *, is_file: bool) -> dict[str, Any]:
    folder = posixpath.dirname(path) if is_file else path
    name = posixpath.basename(folder)
    made: dict[str, Any] = {"path": folder, "basename": name, "basenameNormalized": normalized(name), "segments": folder.split("/")}
    if is_file:
        file = posixpath.basename(path)
        made |= {"filename": file, "filenameNormalized": normalized(file)}
    return made


def _flat_path(where: dict[str, Any], name: str) -> dict[str, Any]:
    flat = {f"{name}.{k}": v for k, v in where.items() if isinstance(v, str) and k != "path"}
    return {name: where["path"], **flat, **{f"{name}[{n}]": s for n, s in enumerate(where["segments"])}}


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """`{a: {b: 1}}` is `a.b`."""
    if isinstance(value, (dict, list)):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, inside in pairs for k, v in _flat(inside, f"{name}.{key}" if name else str(key)).items()}
    return {name: ("true" if value else "false") if isinstance(value, bool) else "" if value is None else value}
