"""configMapGenerator and secretGenerator (api/internal/generators, api/kv), and the hash of what they make (api/hasher)."""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kgate.load.render.kustomize.resources import Resource
from kgate.load.render.nodes import BOOL, Node, Place, bare_key, mapping, scalar
from kgate.load.render.rendering import NotRendered

if TYPE_CHECKING:
    from kgate.load.render.kustomize.folder import Folder

_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_LINE = 70

Pair = tuple[str, bytes, Place]


def generate(folder: Folder, kind: str, arguments: Node, options: Node | None) -> Resource:
    """The ConfigMap or Secret of one entry. Raises NotRendered."""
    name = arguments.string("name")
    if not name:
        raise NotRendered("a generator has no name", place=arguments.place)
    place = arguments.place
    node = mapping(place)
    metadata = mapping(place)
    node.children.update({"apiVersion": scalar("v1", place), "kind": scalar(kind, place), "metadata": metadata})
    for field in ("name", "namespace"):
        if written := arguments.string(field):
            at = arguments.children[field]
            metadata.children[field] = scalar(written, at.place, key=at.key)
    if kind == "Secret":
        node.children["type"] = scalar(arguments.string("type") or "Opaque", (arguments.get("type") or arguments).place)
        node.children["data"] = mapping(place)
    for key, value, at in sorted(_pairs(folder, arguments), key=lambda p: p[0].encode("utf-8", "replace")):
        _put(node, kind, key, value, at)
    chosen = _Options(arguments.get("options"), options)
    for field in ("labels", "annotations"):
        if texts := chosen.texts(field):
            metadata.children[field] = Node(place=next(iter(texts.values())).place, children=dict(sorted(texts.items())))
    if immutable := chosen.flag("immutable"):
        node.children["immutable"] = scalar("true", immutable.place, tag=BOOL)
    return Resource(node, behavior=_behavior(arguments), hashed=not chosen.flag("disableNameSuffixHash"))


class _Options:
    """An entry's own options before those of `generatorOptions`."""

    def __init__(self, own: Node | None, common: Node | None) -> None:
        self._both = [o for o in (common, own) if o is not None]

    def texts(self, field: str) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for options in self._both:
            given = options.get(field)
            for name, value in given.fields.items() if given is not None else ():
                found[bare_key(name, value.place)] = scalar("" if value.is_null else value.text, value.place, key=value.key)
        return found

    def flag(self, field: str) -> Node | None:
        return next((o.children[field] for o in self._both if o.string(field) == "true"), None)


def _behavior(arguments: Node) -> str:
    text = arguments.string("behavior")
    return text if text in ("create", "merge", "replace") else ""


def _pairs(folder: Folder, arguments: Node) -> Iterator[Pair]:
    seen: set[str] = set()
    for pair in (*_variables(folder, arguments), *_literals(arguments), *_files(folder, arguments)):
        if not _KEY.fullmatch(pair[0]) or len(pair[0]) > 253 or pair[0] in (".", "..") or pair[0].startswith(".."):
            raise NotRendered(f"{pair[0][:60]!r} is no key of a ConfigMap", place=pair[2])
        if pair[0] in seen:
            raise NotRendered(f"key {pair[0]} is given twice", place=pair[2])
        seen.add(pair[0])
        yield pair


def _listed(arguments: Node, field: str) -> list[Node]:
    found = arguments.get(field)
    return found.items if found is not None else []


def _literals(arguments: Node) -> Iterator[Pair]:
    for item in _listed(arguments, "literals"):
        key, equals, value = item.text.partition("=")
        if not key or not equals:
            raise NotRendered(f"literal {item.text[:60]!r} is not KEY=VALUE", place=item.place)
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        yield key, value.encode("utf-8", "surrogatepass"), item.place


def _files(folder: Folder, arguments: Node) -> Iterator[Pair]:
    for item in _listed(arguments, "files"):
        key, equals, path = item.text.partition("=")
        if not equals:
            key, path = posixpath.basename(item.text), item.text
        if not key or not path or "=" in path:
            raise NotRendered(f"file {item.text[:60]!r} is not PATH or KEY=PATH", place=item.place)
        yield key, folder.load(path, item.place), item.place


def _variables(folder: Folder, arguments: Node) -> Iterator[Pair]:
    single = arguments.get("env")
    for item in [*_listed(arguments, "envs"), *([single] if single is not None and single.text else [])]:
        data = folder.load(item.text, item.place)
        source = folder.source(item.text)
        for number, line in enumerate(data.split(b"\n"), 1):
            place = Place(source=source, document=0, line=number, column=1) if source is not None else item.place
            pair = _variable(line.removesuffix(b"\r"), number, place)
            if pair is not None:
                yield pair


def _variable(line: bytes, number: int, place: Place) -> Pair | None:
    try:
        text = line.decode("utf-8").removeprefix("\ufeff" if number == 1 else "").lstrip()
    except UnicodeDecodeError as e:
        raise NotRendered("a line of an env file is not UTF-8", place=place) from e
    if not text or text.startswith("#"):
        return None
    key, _, value = text.partition("=")
    if not _VARIABLE.fullmatch(key):
        raise NotRendered(f"{key[:60]!r} is no name of a variable", place=place)
    return key, value.encode("utf-8"), place


def _put(node: Node, kind: str, key: str, value: bytes, place: Place) -> None:
    field, text = "data", ""
    if kind == "Secret":
        text = _base64(value)
    else:
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            field, text = "binaryData", _base64(value)
    if field not in node.children:
        node.children[field] = mapping(place)
    node.children[field].children[bare_key(key, place)] = scalar(text, place, key=place, quoted=True)


def _base64(value: bytes) -> str:
    """Lines of 70 characters, each ended, once there is more than one line (kyaml/yaml/datamap.go)."""
    text = base64.b64encode(value).decode("ascii")
    if len(text) < _LINE:
        return text
    return "".join(text[n : n + _LINE] + "\n" for n in range(0, len(text), _LINE))


def content_hash(node: Node) -> str:
    """What is put behind the name: ten characters of the SHA-256 of the content, vowels and their like replaced."""
    return _encoded(hashlib.sha256(_canonical(node).encode("utf-8", "replace")).hexdigest())


_LETTERS = str.maketrans("013ae", "ghkmt")


def _encoded(digest: str) -> str:
    return digest[:10].translate(_LETTERS)


def _canonical(node: Node) -> str:
    kind = node.string("kind")
    # kustomize looks for a field that is called `metadata/name` and finds none, so the name is no part of the hash.
    content: dict[str, object] = {"kind": kind, "name": "", "data": _texts(node, "data")}
    extra = "binaryData" if kind == "ConfigMap" else "stringData"
    if isinstance(found := _texts(node, extra), dict):
        content[extra] = found
    if kind == "Secret":
        content["type"] = node.string("type")
    return go_json(content)


def _texts(node: Node, field: str) -> object:
    found = node.get(field)
    return "" if found is None else found.plain() if not found.is_scalar else found.text


def go_json(value: object) -> str:
    """As Go's encoder writes it: keys sorted, no spaces, `<`, `>`, `&` and two line separators as escapes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029")):
        text = text.replace(character, escape)
    return text
