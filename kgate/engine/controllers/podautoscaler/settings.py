"""The controller's flags (pkg/controller/podautoscaler/config/v1alpha1/defaults.go)."""

from __future__ import annotations

from msgspec import Struct

from kgate.engine.api.meta import Millis
from kgate.engine.flags import Flags, minor

_PREFIX = "horizontal-pod-autoscaler-"
_OWN_TOLERANCE_SINCE = 35
"""The minor from which on an autoscaler may name tolerances of its own (the gate HPAConfigurableTolerance is on)."""


class Settings(Struct, frozen=True, kw_only=True):
    """`tolerance` is a share of 1, in both directions."""

    sync_period_ms: Millis = 15_000
    downscale_stabilization_ms: Millis = 300_000
    tolerance: float = 0.1
    cpu_initialization_period_ms: Millis = 300_000
    initial_readiness_delay_ms: Millis = 30_000
    own_tolerance: bool = True

    @classmethod
    def of(cls, flags: Flags, kubernetes_version: str) -> Settings:
        """Raises FlagError."""
        default = cls()

        def span(flag: str, default_ms: Millis, least: Millis = 0) -> Millis:
            return flags.duration_ms(_PREFIX + flag, default_ms, least=least)

        return cls(
            sync_period_ms=span("sync-period", default.sync_period_ms, 1),
            downscale_stabilization_ms=span("downscale-stabilization", default.downscale_stabilization_ms),
            tolerance=flags.number(_PREFIX + "tolerance", default.tolerance),
            cpu_initialization_period_ms=span("cpu-initialization-period", default.cpu_initialization_period_ms),
            initial_readiness_delay_ms=span("initial-readiness-delay", default.initial_readiness_delay_ms),
            own_tolerance=minor(kubernetes_version) >= _OWN_TOLERANCE_SINCE,
        )
