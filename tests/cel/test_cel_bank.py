"""Other people's cases: Kubernetes' own tests of its library, and the conformance tests of the language."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any

import pytest

from kgate import cel
from kgate.cel import engine
from kgate.cel.program import made
from kgate.cel.values import TypeValue, Uint, Unknown, equal, key_of

BANK = Path(__file__).parents[3] / "shared" / "bank" / "policy" / "cel"
pytestmark = [
    pytest.mark.skipif(not cel.available(), reason="the extra cel is not installed"),
    pytest.mark.skipif(not BANK.is_dir(), reason="the bank is not here"),
]
ARTEFACTS = ("triple_single_quoted_unescaped_punctuation", "triple_double_quoted_unescaped_punctuation")
"""Their expressions lost backslashes on the way into the bank."""


def answer(case: dict[str, Any], names: dict[str, Any], *, beyond: bool) -> tuple[str, Any]:
    declared = (*names, *(t["name"] for t in case.get("type_env", ()) if "ident" in t))
    try:
        serialised, kind = engine.checked(case["expr"], 36, declared, beyond=beyond, unchecked=case.get("disable_check", False))
        return "value", made(case["expr"], serialised, kind).evaluate(names)[0]
    except cel.CompileError as error:
        return "compile-error", error.message
    except cel.UnknownError as error:
        return "unknown", error.message
    except cel.EvaluationError as error:
        return "runtime-error", error.message


def decoded(told: dict[str, Any]) -> Any:
    ((kind, value),) = told.items()
    match kind:
        case "null_value":
            return None
        case "int64_value":
            return int(value)
        case "uint64_value":
            return Uint(int(value))
        case "double_value":
            return float(str(value).replace("Infinity", "inf"))
        case "bytes_value":
            return base64.b64decode(value)
        case "list_value":
            return [decoded(item) for item in value.get("values", [])]
        case "map_value":
            return {key_of(decoded(e["key"])): decoded(e["value"]) for e in value.get("entries", [])}
        case "type_value":
            return TypeValue(value)
        case "object_value" | "enum_value":
            return Unknown("a message")
    return value


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a):
        return math.isnan(b)
    return type(a) is type(b) and equal(a, b)


def test_every_case_of_kubernetes_own_library_is_answered_right() -> None:
    cases = json.loads((BANK / "k8s-cel-library.json").read_text())["tests"]
    wrong = []
    for case in cases:
        kind, value = answer(case, {}, beyond=False)
        if kind != case["expect"] or (kind == "value" and case["value"] is not None and not same(value, case["value"])):
            wrong.append((case["expr"], kind, value))
    assert not wrong


def test_the_language_is_evaluated_right_or_not_at_all() -> None:
    """What is not evaluated are messages of protocol buffers and cel.block, which Kubernetes does not have either."""
    cases = [c for c in json.loads((BANK / "cel-spec-simple.json").read_text())["tests"] if not c["needs_protobuf"]]
    right, wrong = 0, []
    for case in cases:
        kind, value = answer(case, {k: decoded(v["value"]) for k, v in case.get("bindings", {}).items()}, beyond=True)
        fails = kind in ("runtime-error", "compile-error")
        match case["matcher"]:
            case "eval_error":
                well = fails
            case "value(true)":
                well = (kind, value) == ("value", True)
            case "value":
                well = kind == "value" and not isinstance(wanted := decoded(case["value"]), Unknown) and same(value, wanted)
            case _:
                well = kind == "value"
        right += well
        if not well and kind not in ("unknown", "compile-error") and case["name"] not in ARTEFACTS:
            wrong.append((case["check"], case["name"], case["expr"], kind, value))
    assert not wrong
    assert right / len(cases) >= 0.89
