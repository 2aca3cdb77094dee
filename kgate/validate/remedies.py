"""What to write instead, where the rule itself has not said it."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate.cause import Cause

_LABEL = "use letters, digits, '-', '_' and '.' only, at most 63 of them, with a letter or digit at both ends"
_BY_DETAIL = (
    ("must be greater than", "write a larger number"),
    ("must be between", "write a number within these bounds"),
    ("must be in the range", "write a number within these bounds"),
    ("must be no more than", "shorten it"),
    ("must be less than or equal to", "lower it, or raise the limit"),
    ("a lowercase RFC 1123 label", "use lower-case letters, digits and '-' only, with a letter or digit at both ends"),
    ("a lowercase RFC 1123 subdomain", "use lower-case letters, digits, '-' and '.' only, with a letter or digit at both ends"),
    ("a valid label", _LABEL),
    ("name part", _LABEL),
    ("prefix part", "write a DNS name in lower-case letters before the '/'"),
    ("a valid percent string", "write a whole number, or a percentage such as 25%"),
    ("`selector` does not match", "give the template every label that the selector asks for"),
    ("empty selector", "write matchLabels with at least one label of the template"),
    ("invalid label selector", "correct the requirements of the selector"),
    ("must be unique", "choose another one"),
    ("must be a relative path", "leave out the leading '/'"),
    ("must not contain '..'", "write the path without '..'"),
    ("may not be 0 when", "let one of maxSurge and maxUnavailable be more than 0"),
    ("must be a valid IP address", "write an IPv4 or IPv6 address"),
)


def of(cause: Cause) -> str:
    """Empty where only the rule's general words remain."""
    if cause.remediation:
        return cause.remediation
    name = _name(cause.path)
    match cause.reason:
        case "FieldValueRequired":
            return f"add {name}" if name else ""
        case "FieldValueForbidden":
            return f"remove {name}" if name else ""
        case "FieldValueDuplicate":
            return f"give each {name} a value of its own, or remove one of them" if name else ""
        case "FieldValueInvalid":
            detail = cause.message.rpartition(": ")[2]
            return next((remedy for start, remedy in _BY_DETAIL if detail.startswith(start)), "")
    return ""


def _name(path: Path) -> str:
    """The last step that is a name: of an item, the list."""
    return next((step for step in reversed(path) if isinstance(step, str)), "")
