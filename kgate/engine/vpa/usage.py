"""What is remembered of the containers of one name (pkg/recommender/model: aggregate_container_state.go, container.go)."""

from __future__ import annotations

from msgspec import Struct

from kgate.engine.api.meta import Millis
from kgate.engine.vpa.histogram import CPU, MEMORY, DecayingHistogram
from kgate.engine.vpa.settings import Settings

CPU_WEIGHT, MEMORY_WEIGHT = 0.1, 1.0


class Usage:
    """Of all pods together."""

    def __init__(self, settings: Settings) -> None:
        self.cpu = DecayingHistogram(CPU, settings.half_life_ms)
        self.memory = DecayingHistogram(MEMORY, settings.half_life_ms)
        self.first_ms: Millis | None = None
        self.last_ms: Millis = 0
        self.samples = 0

    def add_cpu(self, milli: int, at_ms: Millis) -> None:
        self.cpu.add(milli / 1000, CPU_WEIGHT, at_ms)
        self.first_ms = at_ms if self.first_ms is None else min(self.first_ms, at_ms)
        self.last_ms = max(self.last_ms, at_ms)
        self.samples += 1

    def confidence(self, interval_ms: Millis) -> float:
        """In intervals: how long it was watched, or how many samples a minute there are of it, whichever is less."""
        if self.first_ms is None:
            return 0.0
        return min((self.last_ms - self.first_ms) / interval_ms, self.samples / (interval_ms / 60_000))


class Container(Struct):
    """One container of one pod: only the highest memory usage of every interval becomes a sample."""

    usage: Usage
    settings: Settings
    last_cpu_ms: Millis = -1
    last_memory_ms: Millis = -1
    window_end_ms: Millis | None = None
    peak: int = 0
    oom_peak: int = 0
    restarts: int = 0

    def add(self, cpu: int | None, memory: int | None, at_ms: Millis) -> None:
        """Thousandths of a core, bytes. What is older than the last sample is dropped."""
        if cpu is not None and at_ms > self.last_cpu_ms:
            self.usage.add_cpu(cpu, at_ms)
            self.last_cpu_ms = at_ms
        if memory is not None and at_ms >= self.last_memory_ms:
            self._add_memory(memory, at_ms, oom=False)

    def add_oom(self, request: int, at_ms: Millis) -> None:
        """Killed for its memory: it would have needed more than it asked for and than it was seen to use (RecordOOM)."""
        used = max(request, self.peak)
        self._add_memory(max(used + self.settings.oom_least, int(used * self.settings.oom_ratio)), at_ms, oom=True)

    def _add_memory(self, used: int, at_ms: Millis, *, oom: bool) -> None:
        self.last_memory_ms = at_ms
        if self.window_end_ms is None:
            self.window_end_ms = at_ms
        if at_ms < self.window_end_ms:
            highest = max(self.peak, self.oom_peak)
            if highest == 0 or used <= highest:
                return
            self.usage.memory.subtract(highest, MEMORY_WEIGHT, self.window_end_ms)
        else:
            interval = self.settings.memory_interval_ms
            self.window_end_ms += (at_ms - self.window_end_ms) // interval * interval + interval
            self.peak = self.oom_peak = 0
        self.usage.memory.add(used, MEMORY_WEIGHT, self.window_end_ms)
        if oom:
            self.oom_peak = used
        else:
            self.peak = used
