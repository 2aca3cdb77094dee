"""`require:`: a JSON Schema that subjects must satisfy, compiled when the first subject comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kgate.manifest import Path


@dataclass(frozen=True, kw_only=True)
class Requirement:
    schema: Mapping[str, Any]

    def met(self, body: Any) -> bool:
        return self._validator[0](body)

    def faults(self, body: Any) -> Iterator[Path]:
        """Where `body` falls short, each place once; for a missing key, its parent."""
        satisfied, places = self._validator
        if not satisfied(body):
            yield from sorted({*places(body)}, key=lambda path: [str(step) for step in path])

    @cached_property
    def _validator(self) -> tuple[Callable[[Any], bool], Callable[[Any], Iterator[Path]]]:
        try:
            import jsonschema_rs
        except ImportError:  # no wheel for this platform
            return _slow_validator(self.schema)
        fast = jsonschema_rs.validator_for(dict(self.schema))
        return fast.is_valid, lambda body: (tuple(error.instance_path) for error in fast.iter_errors(body))


def _slow_validator(schema: Mapping[str, Any]) -> tuple[Callable[[Any], bool], Callable[[Any], Iterator[Path]]]:
    import jsonschema

    slow = jsonschema.Draft202012Validator(schema)
    return slow.is_valid, lambda body: (tuple(error.absolute_path) for error in slow.iter_errors(body))
