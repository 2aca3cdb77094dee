from __future__ import annotations

import pytest
from msgspec.structs import replace

from kgate.report.rehearsal import summary
from kgate.report.style import Style
from tests.report.handmade import ROLLING, step


@pytest.mark.parametrize(
    ("wanted", "peak", "told"),
    [
        (8, 8, "highest pod count 8"),
        (8, 10, "highest pod count 8 (10 with those shutting down)"),
        (8, 6, "highest pod count 6"),  # a quota refused two of those that were wanted
    ],
)
def test_the_highest_pod_count_is_of_pods_that_lived(wanted: int, peak: int, told: str) -> None:
    rehearsal = replace(ROLLING, steps=(step(0, "new +2", old=6, starting=wanted - 6),), peak_pods=peak)
    assert f"{told};" in summary(rehearsal, Style(colour=False)) + ";"
