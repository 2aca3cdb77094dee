"""The embedded schemas."""

from __future__ import annotations

import importlib.util
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from kgate.validate import NEWEST, VERSIONS, schemas

BUILDER = Path(__file__).parents[2] / "tools" / "build_schemas.py"


def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_schemas", BUILDER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["build_schemas"] = module
    spec.loader.exec_module(module)
    return module


def test_the_versions_kgate_names_are_the_versions_it_has() -> None:
    assert schemas.bundle().minors == VERSIONS
    assert VERSIONS[0] == "1.25" and NEWEST == VERSIONS[-1] == "1.37"


def test_the_data_stay_small_and_carry_their_notice() -> None:
    assert schemas.DATA.stat().st_size < 100_000
    assert "Apache License" in (schemas.DATA.parent / "NOTICE").read_text()


@pytest.mark.parametrize("minor", VERSIONS)
def test_every_minor_serves_the_kinds_everybody_has(minor: str) -> None:
    for version, kind in [("apps/v1", "Deployment"), ("v1", "Service"), ("batch/v1", "CronJob"), ("policy/v1", "PodDisruptionBudget")]:
        assert schemas.bundle().serves(version, kind, minor)


def test_every_reference_of_every_kind_of_every_minor_is_there() -> None:
    bundle = schemas.bundle()
    for version, kinds in bundle.kinds.items():
        for kind in kinds:
            for minor in (bundle.served_in(version, kind)[0], bundle.served_in(version, kind)[-1]):
                assert bundle.schema(version, kind, minor)["$defs"]


def test_one_kind_is_there_in_a_few_milliseconds() -> None:
    fresh = schemas.bundle.__wrapped__()
    begin = time.process_time()
    fresh.schema("apps/v1", "Deployment", NEWEST)
    assert time.process_time() - begin < 0.025  # 2 ms on an idle machine


def test_fields_come_with_their_minor() -> None:
    bundle = schemas.bundle()

    def fields(minor: str) -> set[str]:
        return set(schemas.at(bundle.schema("v1", "Pod", minor), ("spec",))["properties"])

    assert "schedulingGates" not in fields("1.25")
    assert "schedulingGates" in fields("1.26")


@pytest.mark.skipif(importlib.util.find_spec("kubernetes_validate") is None, reason="the source of the schemas is not installed")
def test_a_build_from_the_source_makes_the_same_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared unpacked: the compressed bytes depend on the zlib of the machine."""
    module = builder()
    rebuilt = tmp_path / "schemas.bin"
    rebuilt.write_bytes(module.bundle(module.published(module.source())))
    monkeypatch.setattr(schemas, "DATA", rebuilt)
    again, shipped = schemas.bundle.__wrapped__(), schemas.bundle()
    for one in (again, shipped):
        for version, kinds in one.kinds.items():
            for kind in kinds:
                one.schema(version, kind, one.served_in(version, kind)[-1])
    assert (again.minors, again.kinds, again.definitions) == (shipped.minors, shipped.kinds, shipped.definitions)
    assert all(again.inflated[i] == shipped.inflated[i] for i in again.inflated)
