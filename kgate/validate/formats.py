"""What names, keys and values must look like, and what the server says when they do not.

From apimachinery pkg/util/validation/validation.go and pkg/api/validate/content. Each function returns the faults: none of a good value.
"""

from __future__ import annotations

import re

Faults = tuple[str, ...]
GOOD: Faults = ()

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = _LABEL + r"(\." + _LABEL + ")*"
_SEARCH_LABEL = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SEARCH = _SEARCH_LABEL + r"(\." + _SEARCH_LABEL + ")*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_KEY})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_ENV = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_HEADER = "[-A-Za-z0-9]+"
_PERCENT = "[0-9]+%"

_ENDS = "and must start and end with an alphanumeric character"
_KEY_TEXT = f"must consist of alphanumeric characters, '-', '_' or '.', {_ENDS}"

_IS_LABEL = re.compile(_LABEL).fullmatch
_IS_SUBDOMAIN = re.compile(_SUBDOMAIN).fullmatch
_IS_SEARCH = re.compile(_SEARCH).fullmatch
_IS_LABEL_1035 = re.compile(_LABEL_1035).fullmatch
_IS_KEY = re.compile(_KEY).fullmatch
_IS_VALUE = re.compile(_VALUE).fullmatch
_IS_CONFIG_KEY = re.compile(_CONFIG_KEY).fullmatch
_IS_ENV = re.compile(_ENV).fullmatch
_IS_HEADER = re.compile(_HEADER).fullmatch
_IS_PERCENT = re.compile(_PERCENT).fullmatch
_IS_PORT_NAME = re.compile("[-a-z0-9]+").fullmatch
_HAS_LETTER = re.compile("[a-z]").search


def dns1123_label(value: str) -> Faults:
    if len(value) <= 63 and _IS_LABEL(value):
        return GOOD
    text = f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ENDS}"
    return (*_long(value, 63, "characters"), *_wrong(bool(_IS_LABEL(value)), text, _LABEL, "my-name", "123-abc"))


def dns1123_subdomain(value: str) -> Faults:
    if len(value) <= 253 and _IS_SUBDOMAIN(value):
        return GOOD
    text = f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ENDS}"
    return (*_long(value, 253, "characters"), *_wrong(bool(_IS_SUBDOMAIN(value)), text, _SUBDOMAIN, "example.com"))


def search_domain(value: str) -> Faults:
    """A DNS subdomain whose labels may hold underscores."""
    if len(value) <= 253 and _IS_SEARCH(value):
        return GOOD
    text = (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', '_' or '.', "
        "and must start and end with an alphanumeric character"
    )
    return (*_long(value, 253, "characters"), *_wrong(bool(_IS_SEARCH(value)), text, _SEARCH, "example.com"))


def wildcard_subdomain(value: str) -> Faults:
    """`*.example.com`."""
    text = (
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
        "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
    )
    matches = value.startswith("*.") and bool(_IS_SUBDOMAIN(value[2:]))
    return (*_long(value, 253, "characters"), *_wrong(matches, text, r"\*\." + _SUBDOMAIN, "*.example.com"))


def dns1035_label(value: str) -> Faults:
    if len(value) <= 63 and _IS_LABEL_1035(value):
        return GOOD
    text = (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
        "start with an alphabetic character, and end with an alphanumeric character"
    )
    return (*_long(value, 63, "characters"), *_wrong(bool(_IS_LABEL_1035(value)), text, _LABEL_1035, "my-name", "abc-123"))


def service_name(value: str, *, relaxed: bool) -> Faults:
    """Services could not begin with a digit before RelaxedServiceNameValidation."""
    return dns1123_label(value) if relaxed else dns1035_label(value)


def path_segment(value: str) -> Faults:
    """apimachinery pkg/api/validation/path/name.go:IsValidPathSegmentName."""
    if value in (".", ".."):
        return (f"may not be '{value}'",)
    return tuple(f"may not contain '{bad}'" for bad in "/%" if bad in value)


def label_key(value: str) -> Faults:
    """A key of labels, annotations, selectors: a qualified name."""
    if len(value) <= 63 and _IS_KEY(value):
        return GOOD
    parts = value.split("/")
    if len(parts) > 2:
        text = _sentence(f"a valid label key {_KEY_TEXT}", _KEY, "MyName", "my.name", "123-abc")
        return (f"{text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",)
    return (*_prefix(parts[0] if len(parts) == 2 else None), *_name(parts[-1]))


def _prefix(prefix: str | None) -> Faults:
    if prefix == "":
        return ("prefix part must be non-empty",)
    return tuple(f"prefix part {fault}" for fault in dns1123_subdomain(prefix)) if prefix is not None else GOOD


def _name(name: str) -> Faults:
    if len(name) <= 63 and _IS_KEY(name):
        return GOOD
    size = ("must be non-empty",) if not name else _long(name, 63, "bytes")
    faults = (*size, *_wrong(bool(_IS_KEY(name)), _KEY_TEXT, _KEY, "MyName", "my.name", "123-abc"))
    return tuple(f"name part {fault}" for fault in faults)


def label_value(value: str) -> Faults:
    if len(value) <= 63 and _IS_VALUE(value):
        return GOOD
    text = f"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', {_ENDS}"
    return (*_long(value, 63, "bytes"), *_wrong(bool(_IS_VALUE(value)), text, _VALUE, "MyValue", "my_value", "12345"))


def env_name(value: str) -> Faults:
    """A name of an environment variable, as servers from 1.34 on take it: anything printable."""
    if not value:
        return ("environment variable name must be non-empty",)
    if value.isascii() and value.isprintable() and "=" not in value:
        return GOOD
    return ("a valid environment variable name must consist only of printable ASCII characters other than '='",)


def strict_env_name(value: str) -> Faults:
    """A name of an environment variable before RelaxedEnvironmentVariableValidation."""
    text = (
        "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit"
    )
    wrong = _wrong(bool(_IS_ENV(value)), text, _ENV, "my.env-name", "MY_ENV.NAME", "MyEnvName1")
    dots = (f"must not be '{value}'",) if value in (".", "..") else ("must not start with '..'",) if value.startswith("..") else GOOD
    return (*wrong, *dots)


def config_key(value: str) -> Faults:
    """A key of a ConfigMap or a Secret."""
    if len(value) <= 253 and _IS_CONFIG_KEY(value) and not value.startswith(".."):
        return GOOD if value != "." else ("must not be '.'",)
    text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
    wrong = _wrong(bool(_IS_CONFIG_KEY(value)), text, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name")
    dots = ("must not be '..'",) if value == ".." else ("must not start with '..'",) if value.startswith("..") else GOOD
    return (*_long(value, 253, "characters"), *(wrong or dots))


def port_name(value: str) -> Faults:
    """RFC 6335, lower case only."""
    return (
        *_long(value, 15, "characters"),
        *(() if _IS_PORT_NAME(value) else ("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",)),
        *(() if _HAS_LETTER(value) else ("must contain at least one letter (a-z)",)),
        *(("must not contain consecutive hyphens",) if "--" in value else ()),
        *(("must not begin or end with a hyphen",) if value[:1] == "-" or value[-1:] == "-" else ()),
    )


def header_name(value: str) -> Faults:
    return _wrong(bool(_IS_HEADER(value)), "a valid HTTP header must consist of alphanumeric characters or '-'", _HEADER, "X-Header-Name")


def percent(value: str) -> Faults:
    text = "a valid percent string must be a numeric string followed by an ending '%'"
    return _wrong(bool(_IS_PERCENT(value)), text, _PERCENT, "1%", "93%")


def between(value: int, low: int, high: int) -> Faults:
    return GOOD if low <= value <= high else (f"must be between {low} and {high}, inclusive",)


def port_number(value: int) -> Faults:
    return between(value, 1, 65535)


def _long(value: str, limit: int, unit: str) -> Faults:
    """Go counts bytes, whatever it calls them."""
    return (f"must be no more than {limit} {unit}",) if len(value.encode("utf-8", "replace")) > limit else GOOD


def _wrong(matches: bool, text: str, pattern: str, *examples: str) -> Faults:
    return GOOD if matches else (_sentence(text, pattern, *examples),)


def _sentence(text: str, pattern: str, *examples: str) -> str:
    """validation.go:RegexError, with its double blanks."""
    listed = " or ".join(f"'{example}', " for example in examples)
    return f"{text} (e.g. {listed}regex used for validation is '{pattern}')"
