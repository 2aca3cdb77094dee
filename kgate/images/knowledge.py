"""What others know of vulnerabilities: which are exploited (CISA's catalogue), and which do not affect a product (OpenVEX)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from kgate.errors import ConfigError
from kgate.images.scanner import Vulnerability
from kgate.images.settings import ImagesSettings
from kgate.reference import ImageReference

MAX_BYTES = 64 * 1024 * 1024
_HARMLESS = ("not_affected", "fixed")
_STATUSES = (*_HARMLESS, "affected", "under_investigation")


class Purl(Struct, frozen=True, kw_only=True):
    """A package URL (package-url/purl-spec), as far as two can be compared."""

    name: str
    """Type, namespace and name: `deb/debian/zlib1g`."""
    version: str = ""
    qualifiers: frozenset[tuple[str, str]] = frozenset()

    def covers(self, other: Purl) -> bool:
        """What is left out fits everything."""
        return self.name == other.name and self.version in ("", other.version) and self.qualifiers <= other.qualifiers


class Statement(Struct, frozen=True, kw_only=True):
    """One statement of an OpenVEX document about one product."""

    ids: frozenset[str]
    harmless: bool
    product: Purl
    subcomponents: tuple[Purl, ...] = ()

    def about(self, vulnerability: Vulnerability, image: ImageReference, digest: str) -> bool:
        if vulnerability.id not in self.ids:
            return False
        package = purl(vulnerability.purl)
        if not self.product.name.startswith("oci/"):
            return package is not None and self.product.covers(package)
        inside = not self.subcomponents or (package is not None and any(s.covers(package) for s in self.subcomponents))
        return inside and self.product.covers(_of_image(image, digest))


class Knowledge(Struct, frozen=True, kw_only=True):
    exploited: frozenset[str] = frozenset()
    statements: tuple[Statement, ...] = ()

    def harmless(self, vulnerability: Vulnerability, image: ImageReference | None, digest: str) -> bool:
        """The last statement about it counts."""
        if image is None:
            return False
        said = [s.harmless for s in self.statements if s.about(vulnerability, image, digest)]
        return bool(said) and said[-1]


def knowledge(settings: ImagesSettings) -> Knowledge:
    """Raises ConfigError for a file that is not there or not what it has to be."""
    statements = tuple(s for file in settings.vex for s in _statements(file, _document(file, "images.vex")))
    return Knowledge(exploited=frozenset(_exploited(settings.kev)) if settings.kev else frozenset(), statements=statements)


def _document(file: str, setting: str) -> Mapping[str, Any]:
    import json

    try:
        with Path(file).open("rb") as opened:
            document = json.loads(opened.read(MAX_BYTES))
    except OSError as e:
        raise ConfigError(f"{file}: {e.strerror}", hint=f"{setting} names it") from e
    except (ValueError, RecursionError) as e:
        raise ConfigError(f"{file}: it is no JSON", hint=f"{setting} names it") from e
    if not isinstance(document, Mapping):
        raise ConfigError(f"{file}: it is no JSON object", hint=f"{setting} names it")
    return document


def _exploited(file: str) -> Iterator[str]:
    entries = _document(file, "images.kev").get("vulnerabilities")
    if not isinstance(entries, list):
        raise ConfigError(f"{file}: it has no list `vulnerabilities`", hint="images.kev names it; it has the format of CISA's catalogue")
    for index, entry in enumerate(entries):
        id_ = entry.get("cveID") if isinstance(entry, Mapping) else None
        if not isinstance(id_, str):
            raise ConfigError(f"{file}: entry {index} has no cveID", hint="images.kev names it; it has the format of CISA's catalogue")
        yield id_


def _statements(file: str, document: Mapping[str, Any]) -> Iterator[Statement]:
    entries = document.get("statements")
    if not isinstance(entries, list):
        raise ConfigError(f"{file}: it has no list `statements`", hint="images.vex names it; OpenVEX is what kgate reads")
    for index, entry in enumerate(entries):
        if not isinstance(entry, Mapping) or entry.get("status") not in _STATUSES:
            raise ConfigError(f"{file}: statement {index} has no status of OpenVEX", hint=f"known: {', '.join(_STATUSES)}")
        ids = frozenset(_ids(entry.get("vulnerability")))
        for product in _list(entry.get("products")):
            named = _purl_of(product)
            inside = tuple(p for s in _list(product.get("subcomponents") if isinstance(product, Mapping) else None) if (p := _purl_of(s)))
            if named and ids:
                yield Statement(ids=ids, harmless=entry["status"] in _HARMLESS, product=named, subcomponents=inside)


def _ids(vulnerability: Any) -> Iterator[str]:
    if isinstance(vulnerability, str):
        yield vulnerability
    elif isinstance(vulnerability, Mapping):
        yield from (i for i in (vulnerability.get("name"), *_list(vulnerability.get("aliases"))) if isinstance(i, str))


def _purl_of(entry: Any) -> Purl | None:
    if isinstance(entry, Mapping):
        identifiers = entry.get("identifiers")
        entry = (identifiers.get("purl") if isinstance(identifiers, Mapping) else None) or entry.get("@id")
    return purl(entry) if isinstance(entry, str) else None


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def purl(text: str) -> Purl | None:
    """None for what is no package URL."""
    from urllib.parse import parse_qsl, unquote

    scheme, colon, rest = text.partition(":")
    if scheme != "pkg" or not colon:
        return None
    rest, _, query = rest.partition("#")[0].lstrip("/").partition("?")
    head, slash, last = rest.rpartition("/")
    name, _, version = last.partition("@")
    return Purl(name=f"{unquote(head)}{slash}{unquote(name)}", version=unquote(version), qualifiers=frozenset(parse_qsl(query)))


def _of_image(image: ImageReference, digest: str) -> Purl:
    """purl-spec, types/oci: the last part of the repository, the digest as version, the rest as qualifiers."""
    name = image.repository.rpartition("/")[2].lower()
    qualifiers = {("repository_url", image.name), *({("tag", image.tag)} if image.tag else ())}
    return Purl(name=f"oci/{name}", version=digest, qualifiers=frozenset(qualifiers))
