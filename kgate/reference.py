"""Image references: what `image:` says, read as the kubelet reads it.

The grammar and Docker's short forms are those of distribution/reference (reference.go, regexp.go, normalize.go), the digests those of
opencontainers/go-digest; the kubelet calls them in pkg/util/parsers, and answers what they refuse with InvalidImageName.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"
MAX_REPOSITORY = 255
"""Characters of the repository, registry not counted."""

_LEGACY_REGISTRY = "index.docker.io"
_HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
_HOST_PART = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_PATH_PART = r"[a-z0-9]+(?:(?:__|[._]|-+)[a-z0-9]+)*"
_REGISTRY = re.compile(rf"(?:{_HOST_PART}(?:\.{_HOST_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_REPOSITORY = re.compile(rf"{_PATH_PART}(?:/{_PATH_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_FOREIGN = re.compile(r"[^A-Za-z0-9_.:/@\[\]+-]")
_PLACEHOLDERS = (
    ("{{", "a template that nothing has rendered"),
    ("$", "a variable that nothing has filled in"),
    ("<", "a placeholder"),
    ("{", "a placeholder"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """One image. Two references are equal when they name the same image, however short they were written."""

    registry: str
    """Host and port, `docker.io` when none was written."""
    repository: str
    """`library/nginx`: everything between the registry and the tag."""
    tag: str | None = None
    """As written; None is not `latest` here, see `effective_tag`."""
    digest: str | None = None
    """`sha256:...`; it decides what runs, whatever the tag says."""
    qualified: bool = field(default=True, compare=False)
    """Whether the registry was written down."""

    @property
    def name(self) -> str:
        """`docker.io/library/nginx`."""
        return f"{self.registry}/{self.repository}"

    @property
    def familiar_name(self) -> str:
        """`nginx`: as Docker shows it, without docker.io and library/."""
        if self.registry != DEFAULT_REGISTRY:
            return self.name
        short = self.repository.removeprefix("library/")
        return self.repository if "/" in short else short

    @property
    def normalised(self) -> str:
        """`docker.io/library/nginx:1.27`: nothing implied but the tag, which is only there when it was written."""
        return self.name + self._suffix

    @property
    def familiar(self) -> str:
        """`nginx:1.27`."""
        return self.familiar_name + self._suffix

    @property
    def effective_tag(self) -> str | None:
        """The tag that is pulled: `latest` when neither tag nor digest is written, None when the digest alone decides."""
        return self.tag if self.tag or self.digest else DEFAULT_TAG

    def __str__(self) -> str:
        return self.normalised

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


@lru_cache(maxsize=4096)
def parse(text: str) -> ImageReference:
    """Raises ValueError with what is wrong, as half a sentence: `the repository "App" has upper-case letters`."""
    if not text:
        raise ValueError("it is empty")
    if _IDENTIFIER.fullmatch(text):
        raise ValueError("64 hexadecimal digits are an image identifier, which names nothing in a registry")
    if foreign := _FOREIGN.search(text):
        raise ValueError(_why_foreign(text, foreign[0]))
    if "://" in text:
        raise ValueError(f'"{text.partition("://")[0]}://" is no part of an image reference')
    registry, rest, qualified = _split_registry(text)
    rest, at, digest = rest.partition("@")
    repository, colon, tag = rest.partition(":")
    if not _REGISTRY.fullmatch(registry):
        raise ValueError(f'"{registry}" is no host name with an optional port')
    _check_repository(repository)
    if colon and not _TAG.fullmatch(tag):
        raise ValueError(_why_no_tag(tag))
    if at:
        _check_digest(digest)
    return ImageReference(registry=registry, repository=repository, tag=tag or None, digest=digest or None, qualified=qualified)


def _split_registry(text: str) -> tuple[str, str, bool]:
    """The registry, the rest, and whether the registry was written (normalize.go, splitDockerDomain).

    What stands before the first slash is a registry when it has a dot, a colon or an upper-case letter, or is `localhost`.
    """
    first, slash, rest = text.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first or first != first.lower()):
        registry, qualified = (DEFAULT_REGISTRY if first == _LEGACY_REGISTRY else first), True
    else:
        registry, rest, qualified = DEFAULT_REGISTRY, text, False
    if registry == DEFAULT_REGISTRY and "/" not in rest:
        rest = "library/" + rest
    return registry, rest, qualified


def _check_repository(repository: str) -> None:
    if _REPOSITORY.fullmatch(repository):
        if len(repository) > MAX_REPOSITORY:
            raise ValueError(f"the repository has {len(repository)} characters, {MAX_REPOSITORY} are allowed")
        return
    written = repository.removeprefix("library/")
    if not written:
        raise ValueError("the repository is empty")
    if written != written.lower():
        raise ValueError(f'the repository "{written}" has upper-case letters')
    if "" in written.split("/"):
        raise ValueError(f'the repository "{written}" has an empty part between slashes')
    raise ValueError(
        f'the repository "{written}" has a part that is not lower-case letters and digits, joined by single ".", "_", "__" or dashes'
    )


def _why_foreign(text: str, character: str) -> str:
    for mark, words in _PLACEHOLDERS:
        if mark in text:
            return f"it has {words}"
    return "it has a space" if character == " " else f"it has the character {character!r}"


def _why_no_tag(tag: str) -> str:
    if not tag:
        return "nothing follows the colon"
    if len(tag) > 128:
        return f"the tag has {len(tag)} characters, 128 are allowed"
    return f'the tag "{tag}" has characters other than letters, digits, "_", "." and "-", or begins with "." or "-"'


def _check_digest(digest: str) -> None:
    """go-digest, Digest.Validate: the algorithm is known, the digits are all there and lower-case."""
    algorithm, colon, digits = digest.partition(":")
    if not digest or not colon:
        raise ValueError(f'"{digest}" after the "@" is no digest, sha256:<64 hexadecimal digits>')
    wanted = _HEX_DIGITS.get(algorithm)
    if wanted is None:
        raise ValueError(f'the digest algorithm "{algorithm}" is not one of {", ".join(_HEX_DIGITS)}')
    if len(digits) != wanted:
        raise ValueError(f"the {algorithm} digest has {len(digits)} digits instead of {wanted}")
    if not re.fullmatch("[a-f0-9]+", digits):
        raise ValueError(f"the {algorithm} digest has characters other than 0-9 and a-f")
