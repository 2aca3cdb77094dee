"""What `load` can find. An error here means that kubectl or the API server would refuse the text."""

from __future__ import annotations

from kgate.finding import Rule, Severity, Stage


def _rule(number: str, name: str, summary: str, why: str, remediation: str) -> Rule:
    return Rule(
        id=number, name=name, stage=Stage.LOAD, severity=Severity.ERROR, summary=summary, why=why, remediation=remediation, references=()
    )


UNREADABLE = _rule(
    "KG0001", "unreadable-file", "file cannot be read",
    "What cannot be read cannot be checked, and what was not checked has not passed.",
    "make it a regular file that this user may read, or name it under `exclude`",
)  # fmt: skip
NOT_TEXT = _rule(
    "KG0002", "not-text", "file is not UTF-8 text",
    "Kubernetes reads UTF-8; another encoding can hide an object from a reviewer.",
    "save the file as UTF-8 without control characters",
)  # fmt: skip
SYNTAX = _rule(
    "KG0003", "yaml-syntax", "text is not valid YAML",
    "kubectl and the API server refuse a document that does not parse.",
    "correct the YAML at the marked place",
)  # fmt: skip
DUPLICATE_KEY = _rule(
    "KG0004", "duplicate-key", "key is set twice in one mapping",
    "Strict decoding refuses it; without it the last one silently wins.",
    "keep one of the two",
)  # fmt: skip
TOO_DEEP = _rule(
    "KG0005", "too-deep", "document nests too deeply",
    "No Kubernetes object nests like this; such a document is made to exhaust its reader.",
    "flatten the document to at most 300 levels",
)  # fmt: skip
ALIAS_BOMB = _rule(
    "KG0006", "excessive-aliasing", "aliases expand to far more than was written",
    "Kubernetes refuses documents whose aliases multiply (CVE-2019-11253).",
    "write the repeated parts out, or use fewer aliases",
)  # fmt: skip
TOO_LARGE = _rule(
    "KG0007", "too-large", "file or document is too large",
    "The API server refuses requests beyond 3 MiB, and etcd objects beyond 1.5 MiB.",
    "split it into smaller documents or files",
)  # fmt: skip
BAD_KEY = _rule(
    "KG0008", "bad-key", "mapping key cannot be a key in JSON",
    "Kubernetes turns YAML into JSON, whose keys are strings; null, lists and mappings are refused.",
    "quote the key",
)  # fmt: skip
BAD_VALUE = _rule(
    "KG0009", "bad-value", "value cannot be written as JSON",
    "Kubernetes turns YAML into JSON, which has no infinity, no not-a-number and no foreign types.",
    "write a plain string, number or boolean",
)  # fmt: skip
NOT_AN_OBJECT = _rule(
    "KG0010", "not-an-object", "document is no Kubernetes object",
    "kubectl applies only mappings with an apiVersion and a kind.",
    "make it a mapping with apiVersion, kind and metadata, or remove it",
)  # fmt: skip
TYPE_META = _rule(
    "KG0011", "type-meta", "apiVersion or kind is missing or malformed",
    "The API server finds the type of an object by apiVersion and kind; without both it refuses the object.",
    "set apiVersion to VERSION or GROUP/VERSION and kind to the name of the kind",
)  # fmt: skip
BAD_LIST = _rule(
    "KG0012", "bad-list", "items of a List are malformed",
    "kubectl applies each item of a List as an object of its own.",
    "write `items` as a list of complete objects",
)  # fmt: skip

RULES: tuple[Rule, ...] = (
    UNREADABLE, NOT_TEXT, SYNTAX, DUPLICATE_KEY, TOO_DEEP, ALIAS_BOMB, TOO_LARGE, BAD_KEY, BAD_VALUE, NOT_AN_OBJECT, TYPE_META, BAD_LIST,
)  # fmt: skip
