"""Image references beside a second reading of the same grammar: docker-image-py, which follows distribution/reference as well."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kgate.reference import parse

library = pytest.importorskip("docker_image.reference")
from docker_image import digest as library_digest  # noqa: E402 (only where the library is)

SHA = "sha256:" + "0a" * 32
PIECES = [
    "nginx", "library", "a", "A", "0", "localhost", "docker.io", "index.docker.io", "quay.io", "host", "5000", "x-y", "x_y", "x__y", "x.y",
    "é", "[::1]", "[fe80]", "sha256", "0a" * 32, "0a" * 16, "latest", "V1", "sha512", "0a" * 64, SHA,
    "md5", "127.0.0.1", "z" * 128, "y" * 250,
]  # fmt: skip
MARKS = ["/", ":", "@", ".", "-", "_", "--", "__", "___", "..", "[", "]", "+", "//", "://", " ", "\t", "\0", "%", "\u202e", "\u0660", ""]
ASSEMBLED = st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(MARKS)), max_size=9).map("".join)
ALPHABET = st.text(alphabet="aZ09./:@-_[]+ \u00e9\u202e", max_size=30)


@settings(max_examples=4000, deadline=None)
@given(st.one_of(ASSEMBLED, ALPHABET))
@example("[::1]/a")
@example("a:1@" + SHA)
@example("A/a")
@example("localhost")
@example("docker.io/a:5000/b")
@example("library/" + "y" * 255)
@example("index.docker.io/a")
@example("0a" * 32)
@example("a/" + "0a" * 32)
@example("a@sha384:" + "0" * 96)
def test_both_take_and_read_the_same(text: str) -> None:
    assert ours(text) == theirs(text)


def ours(text: str) -> tuple[str, str, str | None, str | None] | None:
    try:
        reference = parse(text)
    except ValueError:
        return None
    return reference.registry, reference.repository, reference.tag, reference.digest


def theirs(text: str) -> tuple[str, str, str | None, str | None] | None:
    """Registry, repository, tag, digest; None for what it refuses."""
    try:
        reference = library.Reference.parse_normalized_named(text)
    except (library.InvalidReference, library_digest.InvalidDigest):
        return None
    return *reference.split_hostname(), reference["tag"], reference["digest"]
