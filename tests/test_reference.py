"""The grammar of image references, in tables; the expected readings follow distribution/reference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.reference import ImageReference, parse

SHA = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("nginx", "docker.io", "library/nginx", None, None),
        ("nginx:1.27.1", "docker.io", "library/nginx", "1.27.1", None),
        (f"nginx@{SHA}", "docker.io", "library/nginx", None, SHA),
        (f"nginx:1.27@{SHA}", "docker.io", "library/nginx", "1.27", SHA),
        ("bitnami/redis:7", "docker.io", "bitnami/redis", "7", None),
        ("docker.io/nginx", "docker.io", "library/nginx", None, None),
        ("index.docker.io/library/nginx", "docker.io", "library/nginx", None, None),
        ("index.docker.io/nginx", "docker.io", "library/nginx", None, None),
        ("localhost/app", "localhost", "app", None, None),
        ("localhost:5000/app:v1", "localhost:5000", "app", "v1", None),
        ("host:5000", "docker.io", "library/host", "5000", None),
        ("registry.example.com/team/app:v1.2-rc.1", "registry.example.com", "team/app", "v1.2-rc.1", None),
        ("REGISTRY.example.com/app", "REGISTRY.example.com", "app", None, None),
        ("Upper/app", "Upper", "app", None, None),
        ("[2001:db8::1]:5000/app", "[2001:db8::1]:5000", "app", None, None),
        ("[::1]/app:x", "[::1]", "app", "x", None),
        ("a__b/c---d/e.f_g:_x", "docker.io", "a__b/c---d/e.f_g", "_x", None),
        ("app@sha512:" + "1" * 128, "docker.io", "library/app", None, "sha512:" + "1" * 128),
        ("befacaad", "docker.io", "library/befacaad", None, None),
    ],
)
def test_a_reference_is_read_as_the_kubelet_reads_it(
    text: str, registry: str, repository: str, tag: str | None, digest: str | None
) -> None:
    assert parse(text) == ImageReference(registry=registry, repository=repository, tag=tag, digest=digest)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("0" * 64, "image identifier"),
        ("Nginx", "upper-case"),
        ("registry.example.com/Team/app:1", "upper-case"),
        ("nginx:", "nothing follows the colon"),
        ("nginx:-x", "begins with"),
        ("nginx:1:2", "the tag"),
        ("nginx:" + "x" * 129, "129 characters"),
        ("nginx@", "is no digest"),
        ("nginx@latest", "is no digest"),
        ("nginx@sha256:abc", "3 digits instead of 64"),
        ("nginx@sha256:" + "A" * 64, "other than 0-9 and a-f"),
        ("nginx@md5:" + "0" * 32, "algorithm"),
        ("nginx ", "a space"),
        ("nginx\n", "the character"),
        (" nginx", "a space"),
        ("nginx:1.27 ", "a space"),
        ("a//b", "empty part"),
        ("registry.example.com/", "the repository is empty"),
        ("/nginx", "empty part"),
        ("a_/b", "is not lower-case"),
        ("a___b", "is not lower-case"),
        ("a..b", "is not lower-case"),
        ("-host.com/app", "no host name"),
        ("host.com:port/app", "no host name"),
        ("http://registry.example.com/app", "no part of"),
        ("${REGISTRY}/app", "a variable"),
        ("$image", "a variable"),
        ("ko://example.com/cmd", "ko://"),
        ("registry.example.com/<project>/app:1", "a placeholder"),
        ("{IMAGE}", "a placeholder"),
        ("{{ .Values.image }}", "a template"),
        ("x/" + "y" * 256, "258 characters"),
        ("répo", "the character"),
        ("nginx:१", "the character"),
    ],
)
def test_what_the_kubelet_refuses_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(text)


@pytest.mark.parametrize(
    ("text", "familiar", "normalised"),
    [
        ("docker.io/library/nginx:1.27", "nginx:1.27", "docker.io/library/nginx:1.27"),
        ("bitnami/redis", "bitnami/redis", "docker.io/bitnami/redis"),
        ("docker.io/library/a/b", "library/a/b", "docker.io/library/a/b"),
        (f"quay.io/org/app:v1@{SHA}", f"quay.io/org/app:v1@{SHA}", f"quay.io/org/app:v1@{SHA}"),
    ],
)
def test_a_reference_has_a_short_and_a_full_form(text: str, familiar: str, normalised: str) -> None:
    reference = parse(text)
    assert (reference.familiar, reference.normalised, str(reference)) == (familiar, normalised, normalised)


@pytest.mark.parametrize(("text", "tag"), [("nginx", "latest"), ("nginx:1", "1"), (f"nginx@{SHA}", None), (f"nginx:1@{SHA}", "1")])
def test_latest_is_pulled_only_when_neither_tag_nor_digest_is_written(text: str, tag: str | None) -> None:
    assert parse(text).effective_tag == tag


@pytest.mark.parametrize(
    ("text", "qualified"),
    [("nginx", False), ("org/app", False), ("docker.io/nginx", True), ("index.docker.io/x", True), ("localhost/x", True)],
)
def test_it_is_known_whether_the_registry_was_written(text: str, qualified: bool) -> None:
    assert parse(text).qualified is qualified


_part = st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]{1,8}){0,2}", fullmatch=True)
_reference = st.builds(
    ImageReference,
    registry=st.sampled_from(["docker.io", "quay.io", "localhost:5000", "[::1]:80"]),
    repository=st.lists(_part, min_size=2, max_size=4).map("/".join),
    tag=st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True),
    digest=st.none() | st.just(SHA),
)


@given(_reference)
def test_writing_a_reference_down_and_reading_it_back_changes_nothing(reference: ImageReference) -> None:
    assert parse(reference.normalised) == reference


@given(_reference.filter(lambda r: "." not in r.repository.split("/")[0]))
def test_the_short_form_names_the_same_image(reference: ImageReference) -> None:
    assert parse(reference.familiar) == reference


@given(st.text(max_size=80))
def test_any_text_is_a_reference_or_a_value_error(text: str) -> None:
    try:
        reference = parse(text)
    except ValueError as refusal:
        assert str(refusal)
    else:
        assert parse(reference.normalised) == reference
