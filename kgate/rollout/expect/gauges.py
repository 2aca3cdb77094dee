"""Judges of numbers that must keep within limits while a window is open."""

from __future__ import annotations

from abc import ABC, abstractmethod

from kgate.engine.api.apps import Deployment
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from kgate.engine.trace import WatchEvent
from kgate.rollout.expect.outcome import Outcome, at, passed
from kgate.rollout.expect.terms import Available, Gauge, Limits, Nodes, Pending, Pods, Replicas, Spread, Window
from kgate.rollout.expect.world import World, unschedulable


class Meter(ABC):
    """One number. None: what it is a number of has never been there."""

    def __init__(self) -> None:
        self.value: int | None = None

    @abstractmethod
    def see(self, event: WatchEvent) -> None:
        """Takes the next write of the trace into account."""

    def moments(self, until_ms: int) -> list[int]:
        """When the number changed merely because time passed, up to and with that moment; it is then already counted."""
        return []

    @property
    def absent(self) -> str:
        """Why there is no number."""
        return "no such pod was there"


class _OfDeployment(Meter):
    """A number that the Deployment itself shows."""

    def __init__(self, term: Available | Replicas) -> None:
        super().__init__()
        self._term = term

    def see(self, event: WatchEvent) -> None:
        if event.key.kind != "Deployment" or event.key.name != self._term.deployment:
            return
        d = event.after
        if not isinstance(d, Deployment):
            self.value = None if self.value is None else 0
        else:
            self.value = d.status.available_replicas if isinstance(self._term, Available) else d.spec.replicas

    @property
    def absent(self) -> str:
        return f"there was no Deployment/{self._term.deployment}"


class _OfPods(Meter):
    """Pods of a Deployment or with a prefix, one by one as they change."""

    def __init__(self, term: Pods | Pending, world: World) -> None:
        super().__init__()
        self._term = term
        self._world = world
        self.counted: dict[Key, int] = {}
        """Since when each counts."""

    def see(self, event: WatchEvent) -> None:
        if event.key.kind != "Pod" or not self._mine(event.object):
            return
        if isinstance(event.after, Pod) and self._counts(event.after):
            self.counted.setdefault(event.key, event.time_ms)
        else:
            self.counted.pop(event.key, None)
        self.value = self._number(event.key)

    def _number(self, key: Key) -> int:
        return len(self.counted)

    def _mine(self, pod: object) -> bool:
        if not isinstance(pod, Pod):
            return False
        if self._term.deployment:
            return self._world.deployment_of(pod) == self._term.deployment
        return pod.metadata.name.startswith(self._term.prefix)

    def _counts(self, pod: Pod) -> bool:
        return pod.active


class _Waiting(_OfPods):
    """Pods that wait for a node, once they have waited for longer than is said."""

    def __init__(self, term: Pending, world: World) -> None:
        super().__init__(term, world)
        self._longer_ms = term.longer_ms
        self._long: set[Key] = set()

    def _counts(self, pod: Pod) -> bool:
        return unschedulable(pod)

    def _number(self, key: Key) -> int:
        if key not in self.counted:
            self._long.discard(key)
        elif not self._longer_ms:
            self._long.add(key)
        return len(self._long)

    def moments(self, until_ms: int) -> list[int]:
        due: list[int] = []
        for key, since in self.counted.items():  # by since, ascending
            if since + self._longer_ms >= until_ms:
                break
            if key not in self._long:
                due.append(since + self._longer_ms)
                self._long.add(key)
        if due:
            self.value = len(self._long)
        return due[:1]


class _OfNodes(Meter):
    def __init__(self, term: Nodes) -> None:
        super().__init__()
        self._prefix = term.prefix
        self._names: set[str] = set()

    def see(self, event: WatchEvent) -> None:
        if event.key.kind == "Node" and event.key.name.startswith(self._prefix):
            (self._names.discard if event.after is None else self._names.add)(event.key.name)
            self.value = len(self._names)

    @property
    def absent(self) -> str:
        return f"there was no node {self._prefix}*"


def meter(term: Available | Replicas | Pods | Pending | Nodes, world: World) -> Meter:
    match term:
        case Available() | Replicas():
            return _OfDeployment(term)
        case Pods():
            return _OfPods(term, world)
        case Pending():
            return _Waiting(term, world)
        case Nodes():
            return _OfNodes(term)


class GaugeJudge:
    """Limits on a meter. A lower one without a window holds from when it is first reached, and it must be reached."""

    def __init__(self, term: Gauge, window: Window, limits: Limits, meter: Meter) -> None:
        self._limits = limits
        self._meter = meter
        self._at_end = window.end
        self._reached = limits.min is None or bool(window.step) or window.end
        self._vacuous = limits.max == 0 and not getattr(term, "deployment", "")
        self._highest = 0
        self._first: tuple[int, int] | None = None
        self._worst: tuple[int, int] | None = None

    def see(self, event: WatchEvent) -> None:
        self._meter.see(event)

    def wait(self, until_ms: int) -> None:
        """Time passes, and nothing is written."""
        for moment in self._meter.moments(until_ms):
            self._check(moment)

    def look(self, at_ms: int) -> None:
        self.wait(at_ms)
        self._check(at_ms)

    def _check(self, at_ms: int) -> None:
        value = self._meter.value
        if self._at_end or (value is None and self._reached and self._limits.min is None):
            return
        number = value or 0
        self._highest = max(self._highest, number)
        if not self._reached and self._limits.min is not None:
            self._reached = number >= self._limits.min
            if not self._reached and (self._limits.max is None or number <= self._limits.max):
                return
        self._note(number, at_ms)

    def _note(self, number: int, at_ms: int) -> None:
        if self._limits.hold(number):
            return
        self._first = self._first or (number, at_ms)
        if self._worst is None or self._off(number) > self._off(self._worst[0]):
            self._worst = (number, at_ms)

    def _off(self, number: int) -> int:
        low, high = self._limits.min, self._limits.max
        return max(low - number if low is not None else 0, number - high if high is not None else 0)

    def close(self, at_ms: int) -> Outcome:
        self.look(at_ms)
        if self._meter.value is None and not self._vacuous:
            return Outcome(passed=False, seen=self._meter.absent)
        if self._at_end:
            self._note(self._meter.value or 0, at_ms)
        if not self._reached:
            return Outcome(passed=False, seen=f"never reached: at most {self._highest}")
        if self._first is None or self._worst is None:
            return passed(f"{self._meter.value or 0} at the end")
        number, first_ms = self._first
        worst = f", then {self._worst[0]} at {at(self._worst[1])}" if self._worst != self._first else ""
        return Outcome(passed=False, seen=f"{number} at {at(first_ms)}{worst}", first_ms=first_ms)


class SpreadJudge:
    """How the pods of a Deployment lie over the domains."""

    def __init__(self, term: Spread, window: Window, world: World) -> None:
        self._term = term
        self._world = world
        self._at_end = window.end
        self._found: tuple[str, int] | None = None
        self._last = ""

    def see(self, event: WatchEvent) -> None:
        pass

    def look(self, at_ms: int) -> None:
        if not self._at_end:
            self._check(at_ms)

    def _check(self, at_ms: int) -> None:
        counts = self._world.by_domain(self._term.deployment, self._term.by)
        if not counts or self._found is not None:
            return
        most, least = max(counts.values()), min(counts.values())
        self._last = ", ".join(f"{domain} {n}" for domain, n in counts.items())
        too_far = self._term.limits.max is not None and most - least > self._term.limits.max
        if too_far or (self._term.most is not None and most > self._term.most):
            self._found = (self._last, at_ms)

    def close(self, at_ms: int) -> Outcome:
        self._check(at_ms)
        if self._term.deployment not in self._world.deployments:
            return Outcome(passed=False, seen=f"there is no Deployment/{self._term.deployment}")
        if self._found is not None:
            return Outcome(passed=False, seen=f"{self._found[0]} at {at(self._found[1])}", first_ms=self._found[1])
        if not self._last:
            return Outcome(passed=False, seen=f"no node that takes pods has the label {self._term.by}")
        return passed(self._last)
