"""What kubectl makes of a kustomization, kgate makes of it; what kubectl refuses is not rendered. The answers are those of kubectl 1.37."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgate.load.files import Disk
from kgate.load.render import Rendering, render
from tests.load.render import cases


def rendered(folder: Path) -> Rendering:
    (found,) = render(Disk(), [str(folder / "kustomization.yaml")])
    return found


@pytest.mark.parametrize("name", cases.NAMES)
def test_the_objects_are_those_of_kubectl(name: str, tmp_path: Path) -> None:
    made, wanted = rendered(cases.write(cases.files(name), tmp_path)), cases.answer(name)
    if wanted is None:
        assert made.reason
        assert not made.manifests
        return
    assert made.reason == ""
    assert [cases.key(m.body) for m in made.manifests] == [cases.key(o) for o in wanted]
    assert [m.body for m in made.manifests] == wanted
