"""Which rules hold for which kind."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kgate.validate import kinds
from kgate.validate.schemas import bundle


@pytest.mark.parametrize("rule", sorted({*kinds.CREATE.values(), *kinds.UPDATE.values()}))
def test_every_rule_is_there_by_its_name(rule: str) -> None:
    assert callable(kinds.named(rule))


def test_every_kind_that_has_rules_is_one_that_some_server_serves() -> None:
    served = {(version.rpartition("/")[0], kind) for version, found in bundle().kinds.items() for kind in found}
    assert {*kinds.CREATE, *kinds.UPDATE} <= served


def test_the_rules_of_other_kinds_are_not_loaded_for_a_deployment() -> None:
    """Each module costs its share of every start."""
    asked = "import sys; from kgate.validate import kinds; kinds.named('apps.deployment'); print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert "kgate.validate.pod" in loaded
    assert not {"kgate.validate.webhooks", "kgate.validate.networking", "kgate.validate.storage"} & set(loaded)
