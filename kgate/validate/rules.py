"""The rules of this room. Severity error means that the API server would refuse the object, and nothing else is an error here."""

from __future__ import annotations

from collections.abc import Mapping

from kgate.finding import Rule, Severity, Stage

_WHY = "The API server refuses the object: kubectl apply fails, and so does every GitOps controller that tries."
_API = "https://kubernetes.io/docs/reference/kubernetes-api/"
_VALIDATION = "https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation"
_NAMES = "https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"
_DEPRECATION = "https://kubernetes.io/docs/reference/using-api/deprecation-guide/"


def _rule(number: int, name: str, summary: str, remediation: str, *references: str) -> Rule:
    return Rule(
        id=f"KG{number}",
        name=name,
        stage=Stage.VALIDATE,
        severity=Severity.ERROR,
        summary=summary,
        why=_WHY,
        remediation=remediation,
        references=references or (_API,),
    )


UNKNOWN_KIND = _rule(1001, "unknown-kind", "no such apiVersion and kind", "correct apiVersion and kind")
NOT_SERVED = _rule(
    1002, "api-not-served", "the Kubernetes version does not serve this API", "use an apiVersion that it serves", _DEPRECATION
)
UNDECODABLE = _rule(1003, "not-decodable", "a value the API server cannot read", "write a value of the field's type", _VALIDATION)
UNKNOWN_FIELD = _rule(1004, "unknown-field", "a field that does not exist there", "remove or rename the field", _VALIDATION)

_REQUIRED = _rule(1101, "required-value", "a required field is missing or empty", "add the field")
_INVALID = _rule(
    1102, "invalid-value", "a value the API server does not accept", "write a value of the form that the message describes", _API, _NAMES
)
_DUPLICATE = _rule(1103, "duplicate-value", "a value that must be unique is there twice", "rename or remove one of the two")
_UNSUPPORTED = _rule(1104, "unsupported-value", "a value outside the list of possible values", "write one of the supported values")
_FORBIDDEN = _rule(1105, "forbidden-value", "a field that may not be set here", "remove the field")
_NOT_FOUND = _rule(1106, "not-found", "a name that nothing in the object bears", "define what is named, or correct the name")
_TOO_LONG = _rule(1107, "too-long", "a value that is too long", "shorten the value")
_TOO_MANY = _rule(1108, "too-many", "a list that is too long", "remove items")

BY_REASON: Mapping[str, Rule] = {
    "BadRequest": UNDECODABLE,
    "FieldValueRequired": _REQUIRED,
    "FieldValueInvalid": _INVALID,
    "FieldValueTypeInvalid": _INVALID,
    "FieldValueDuplicate": _DUPLICATE,
    "FieldValueNotSupported": _UNSUPPORTED,
    "FieldValueForbidden": _FORBIDDEN,
    "FieldValueNotFound": _NOT_FOUND,
    "FieldValueTooLong": _TOO_LONG,
    "FieldValueTooMany": _TOO_MANY,
}
"""The rule of a Cause, by the reason that the server gives."""

RULES: tuple[Rule, ...] = (
    UNKNOWN_KIND,
    NOT_SERVED,
    UNDECODABLE,
    UNKNOWN_FIELD,
    *(rule for reason, rule in BY_REASON.items() if reason not in ("BadRequest", "FieldValueTypeInvalid")),
)
