from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import kgate.engine
from tests.engine.worlds import deployment

ENGINE = Path(kgate.engine.__file__).parent
README = (ENGINE / "README.md").read_text(encoding="utf-8")


def test_every_known_difference_is_listed_and_nothing_else_is() -> None:
    different = {str(p.relative_to(ENGINE)) for p in ENGINE.rglob("*.py") if "Unlike upstream" in p.read_text(encoding="utf-8")}
    listed = set(re.findall(r"^- `([\w/.]+\.py)`", README, flags=re.MULTILINE))
    assert listed == different


def test_the_example_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names: dict[str, Any] = {
        "deployment_v1": deployment("shop:v1", name="shop"),
        "deployment_v2": deployment("shop:v2", name="shop"),
        "print": lambda *args: names.setdefault("printed", args),
    }
    exec(code, names)
    assert names["stuck"] is False
    assert names["printed"][2] == "writes"


def test_a_name_that_is_not_public_is_not_there() -> None:
    with pytest.raises(AttributeError):
        kgate.engine.Klaster  # noqa: B018
