"""pkg/scheduler/framework/plugins/schedulinggates."""

from __future__ import annotations

from typing import ClassVar

from kgate.engine.api.core import Pod


class SchedulingGates:
    """A pod with gates does not enter the queue. The API server, not the scheduler, gives it the condition SchedulingGated."""

    name: ClassVar[str] = "SchedulingGates"
    local: ClassVar[bool] = True

    def preenqueue(self, pod: Pod) -> str:
        names = " ".join(gate.name for gate in pod.spec.scheduling_gates)
        return f"waiting for scheduling gates: [{names}]" if names else ""
