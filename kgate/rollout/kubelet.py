"""From how a file says that pods behave to how the engine's kubelet makes them."""

from __future__ import annotations

from typing import cast

from kgate.engine.api.meta import FrozenMap
from kgate.engine.behaviour import Behaviour, ImageBehaviour, Mode
from kgate.rollout.pods import Kubelet, PodManners


def behaviour(kubelet: Kubelet) -> Behaviour:
    return Behaviour(
        startup_ms=kubelet.startup_ms,
        termination_ms=kubelet.termination_ms,
        serial_ms=kubelet.serial_ms,
        images=FrozenMap({name: image_behaviour(m) for name, m in kubelet.images.items()}),
    )


def image_behaviour(manners: PodManners) -> ImageBehaviour:
    return ImageBehaviour(
        mode=cast(Mode, manners.mode),
        startup_ms=manners.startup_ms,
        startup_least_ms=manners.startup_least_ms,
        termination_ms=manners.termination_ms,
        unready_after_ms=manners.unready_after_ms,
        pull_ms=manners.pull_ms,
        pull_error=manners.pull_error,
        start_ms=manners.create_ms,
        healthy_ms=manners.healthy_ms,
        unhealthy_after_ms=manners.unhealthy_after_ms,
        exit_after_ms=manners.exit_after_ms,
        exit_code=manners.exit_code,
        pre_stop_ms=manners.pre_stop_ms,
    )
