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
    ("must be a valid CIDR value", "write the network with the length of its prefix, as in 10.0.0.0/8"),
    ("must not have bits set beyond the prefix length", "write the first address of the network, as in 10.0.0.0/8"),
    ("must not have leading 0s", "leave out the zeros in front"),
    ("must be a strict subset of", "write a network inside the cidr, with a longer prefix"),
    ("a DNS-1035 label", "use lower-case letters, digits and '-' only, with a letter at the beginning"),
    ("should be a domain with at least", "write a longer domain name, as in name.group.example.com"),
    ("must be an absolute path", "begin the path with '/'"),
    ("must be a domain-prefixed path", "write a domain, a slash and a name, as in example.com/controller"),
    ("must be a simple json path", "begin the path with '.', as in .spec.replicas"),
    ("if '", "keep the wildcard alone, or list what is meant without it"),
    ("requires indexed completion mode", "set completionMode: Indexed, or remove it"),
    ("requires the backoffLimitPerIndex", "set backoffLimitPerIndex, or choose another action"),
    ("must be ordered", "sort the values"),
    ("must have exactly one version marked as storage", "set storage: true for one version and storage: false for the others"),
    ("must contain unique version names", "give each version a name of its own"),
    ("cannot set to true, set x-kubernetes-preserve", "remove preserveUnknownFields; say it in the schema"),
    ("must be empty when `clusterIP`", "write the first of them as clusterIP too"),
    ("unsupported scope applied to resource", "bound only resources that the scope counts, or drop the scope"),
    ("conflicting scopes", "keep one of the two scopes"),
    ("must be a standard resource", "write a resource that the server knows, or example.com/name"),
    ("may not be specified when `port`", "write a numeric port, or remove endPort"),
    ("must be a valid CEL identifier", "use letters, digits and '_' only, with no digit at the beginning"),
    ("must not contain line breaks", "write it in one line"),
    ("may not be in the", "write an address that other machines can reach"),
    ("kind and listKind may not be the same", "end listKind in List"),
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
