"""What the API server answers instead of an object, and what stops a simulation."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

REASONS = {
    400: "BadRequest",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
}

NAMESPACE_TERMINATING = "NamespaceTerminating"
"""The cause of a refused create in a namespace that is on its way out."""


class Cause(Struct, frozen=True, kw_only=True):
    """One detail of a refusal (metav1.StatusCause). `reason` is FieldValueInvalid, FieldValueRequired, ..."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"


class ApiError(Exception):
    """The API server's Status of a failure: HTTP code, reason, exact message, causes (apimachinery/pkg/api/errors)."""

    def __init__(self, code: int, message: str, *, reason: str | None = "", causes: Sequence[Cause] = ()) -> None:
        """`reason` None is a Status without one; empty, the usual one of the code."""
        super().__init__(message)
        self.code = code
        self.reason = "" if reason is None else reason or REASONS.get(code, "")
        self.message = message
        self.causes = tuple(causes)

    def has_cause(self, reason: str) -> bool:
        """Whether any cause is of that kind (errors.HasStatusCause)."""
        return any(cause.reason == reason for cause in self.causes)


def not_found(resource: str, name: str) -> ApiError:
    """`resource` is the plural with its group: `deployments.apps`."""
    return ApiError(404, f'{resource} "{name}" not found')


def already_exists(resource: str, name: str) -> ApiError:
    return ApiError(409, f'{resource} "{name}" already exists', reason="AlreadyExists")


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(resource: str, name: str, why: str = MODIFIED) -> ApiError:
    """A write that is based on an older version than the stored one, or whose preconditions do not hold."""
    return ApiError(409, f'Operation cannot be fulfilled on {resource} "{name}": {why}')


def invalid(kind: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """`kind` comes with its group: `Deployment.apps`. Several causes stand in brackets (errors.NewInvalid)."""
    texts = list(dict.fromkeys(f"{c.field}: {c.message}" for c in causes))
    said = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return ApiError(422, f'{kind} "{name}" is invalid: {said}', causes=causes)


def forbidden(resource: str, name: str, why: str) -> ApiError:
    return ApiError(403, f'{resource} "{name}" is forbidden: {why}')


class LivelockError(Exception):
    """Controllers keep waking one another without time passing. `keys` are those that would not come to rest."""

    def __init__(self, now_ms: int, keys: Sequence[str]) -> None:
        super().__init__(f"no rest at {now_ms} ms of virtual time: {', '.join(keys)}")
        self.now_ms = now_ms
        self.keys = tuple(keys)
