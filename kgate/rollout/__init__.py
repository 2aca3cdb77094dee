"""The rollout room: it alone speaks to the engine. `simulate` plays scenarios, `rehearse` plays the Deployments of a repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kgate.finding import Finding
from kgate.manifest import Manifest, Source
from kgate.rollout.cluster import ClusterSpec, read_cluster
from kgate.rollout.rules import RULES
from kgate.rollout.settings import RolloutSettings

if TYPE_CHECKING:
    from kgate.rollout.capacity import Placement
    from kgate.rollout.rehearsal import Rehearsed
    from kgate.rollout.simulation import Played
    from kgate.rollout.testing import Tested
    from kgate.workers import Told

__all__ = ["RULES", "ClusterSpec", "RolloutSettings", "place", "read_cluster", "rehearse", "simulate", "test", "too_old"]

Validate = Callable[[Mapping[str, Any], Mapping[str, Any] | None], Sequence[Any]]
"""What the API server would object to in an object (and in its change from the old one): anything with field, message and reason."""


def simulate(
    files: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    validate: Validate | None = None,
    sources: Mapping[str, Source] | None = None,
) -> Iterator[Played]:
    """Plays scenario files, given as name and mapping, one after another, in virtual time.

    All files are read before the first one is played. `sources` (by the same names) give faults their line. Raises ConfigError.
    """
    from kgate.rollout import simulation

    return simulation.simulate(files, validate=validate, sources=sources or {})


def test(
    files: Sequence[tuple[str, Any]],
    *,
    validate: Validate | None = None,
    sources: Mapping[str, Source] | None = None,
) -> Iterator[Tested]:
    """Plays scenario files and judges what they expect. Raises ConfigError before the first is played."""
    from kgate.rollout import testing

    return testing.run(files, validate=validate, sources=sources or {})


def place(
    manifests: Sequence[Manifest],
    settings: RolloutSettings,
    *,
    replicas: int | None = None,
    validate: Validate | None = None,
) -> Placement:
    """How many pods of each object of `manifests` fit on the cluster, each object by itself; `replicas`: how many are wanted of each."""
    from kgate.rollout import capacity

    return capacity.place(manifests, settings, replicas=replicas, validate=validate)


def too_old(settings: RolloutSettings, now_s: float) -> Finding | None:
    """That the cluster file is a snapshot older than the settings allow, or of unknown age; `now_s` are seconds since 1970."""
    from kgate.rollout import age

    return age.too_old(settings, now_s)


def rehearse(
    manifests: Sequence[Manifest],
    settings: RolloutSettings,
    *,
    base: Sequence[Manifest] | None = None,
    whole: Sequence[Manifest] | None = None,
    validate: Validate | None = None,
    jobs: int = 1,
    told: Told | None = None,
) -> Rehearsed:
    """Rolls out every Deployment of `manifests`, from nothing or from its version in `base`, on one cluster they share.

    `whole` is all there is beside `base`, also what the API server would refuse: what is not in it is deleted. None: nobody knows.
    By up to `jobs` processes at a time, 0: as many as the machine has processors; the same comes of it. `told` hears how many are played.
    Raises ConfigError when the settings name a cluster file that was not read (`RolloutSettings.on`).
    """
    from kgate.rollout import rehearsal

    return rehearsal.rehearse(manifests, settings, base=base, whole=whole, validate=validate, jobs=jobs, told=told)
