"""The cluster file of docs/rollout.md that grows can be read, and says what the text says."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from kgate.rollout import read_cluster

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "rollout.md").read_text()


def test_the_example_of_growing_groups_and_single_pods_is_a_cluster_file() -> None:
    (block,) = (b for b in re.findall(r"```yaml\n(.*?)```", TEXT, re.S) if "spot-" in b)
    spec = read_cluster(yaml.safe_load(block), file="cluster.yaml")
    (group,) = spec.growth
    assert (group.prefix, group.least, group.most, group.provision_ms) == ("spot-", 0, 5, 90_000)
    assert [p.name for p in spec.pods] == ["cache", "batch-1", "batch-2", "batch-3", "batch-4", "old"]
