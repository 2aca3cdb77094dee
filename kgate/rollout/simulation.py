"""`kgate simulate`: scenario files in, recordings out. What the engine cannot play is said, never recorded wrongly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from kgate.engine.errors import ApiError, LivelockError
from kgate.engine.flags import FlagError
from kgate.finding import clean
from kgate.manifest import Source
from kgate.rollout import Validate
from kgate.rollout.fields import SettingError
from kgate.rollout.modelled import UNPLAYABLE
from kgate.rollout.scenario import read_scenario
from kgate.rollout.steps import Apply, Create, Scenario, Step


class Played(Struct, frozen=True, kw_only=True):
    """One scenario and what came of it. `recording` is None when it was not played; `reason` then says why."""

    name: str
    file: str
    description: str = ""
    recording: Mapping[str, Any] | None = None
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """The object of one line of `--report json`."""
        body: dict[str, Any] = {"scenario": self.name, "recording": self.recording}
        return body if self.recording is not None else body | {"reason": self.reason}

    def lines(self) -> list[str]:
        """What happened, one line an event in order of time, between what was done; no line can act on a terminal."""
        head = f"{self.name}: {self.description}" if self.description else self.name
        if self.recording is None:
            return [clean(head), clean(f"  not played: {self.reason}")]
        happened = [*_steps(self.recording), *_events(self.recording), *_conditions(self.recording)]
        rows = [row for _, row in sorted(happened, key=lambda h: h[0])]
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
        told = ["  " + "  ".join([row[0].rjust(widths[0]), *(row[i].ljust(widths[i]) for i in (1, 2, 3)), row[4]]) for row in rows]
        return [clean(line).rstrip() for line in (head, *told, *_ending(self.recording))]


_Told = tuple[tuple[float, int, int], tuple[str, str, str, str, str]]
"""Sort key (time, rank, serial) and the cells of a row."""


def _cell(t: float) -> str:
    return f"{t:.3f}s"


def _steps(recording: Mapping[str, Any]) -> Iterator[_Told]:
    for step in recording["stepResults"]:
        about = f"{step['kind']}/{step['name']}" if "kind" in step else step.get("did", "")
        yield (step["t"], 0, step["i"]), (_cell(step["t"]), "step", step["op"], about, _answer(step))


def _answer(step: Mapping[str, Any]) -> str:
    if "ok" in step:
        return f"done after {step['tEnd'] - step['t']:.3f}s" if step["ok"] else f"timed out after {step['tEnd'] - step['t']:.3f}s"
    if "error" in step:
        return f"{step['http']} {step['error']['message']}"
    if "evictions" in step:
        return ", ".join(f"{e['alias']}: {e['http']}" for e in step["evictions"]) or "no pod fits"
    return str(step.get("http", ""))


def _events(recording: Mapping[str, Any]) -> Iterator[_Told]:
    for e in recording["events"]:
        times = f" (x{e['count']})" if e["count"] > 1 else ""
        yield (e["t"], 1, e["rv"]), (_cell(e["t"]), e["type"], e["reason"], e["object"], e["message"] + times)


def _conditions(recording: Mapping[str, Any]) -> Iterator[_Told]:
    for c in recording["conditions"]:
        what = "removed" if c.get("removed") else f"{c['status']} {c.get('reason', '')}: {c.get('message', '')}"
        yield (c["t"], 1, c["rv"]), (_cell(c["t"]), "Condition", c["type"], f"Deployment/{c['deployment']}", what)


def _ending(recording: Mapping[str, Any]) -> list[str]:
    """Sizes and places at the end, one line a Deployment."""
    final = recording["final"]
    out = []
    for name, d in final["deployments"].items():
        where = ", ".join(f"{node} {n}" for node, n in sorted(final["distribution"].get(name, {}).items()))
        sizes = f"{d['status.readyReplicas']}/{d['spec.replicas']} ready, {d['status.updatedReplicas']} updated"
        out.append(f"  end: Deployment/{name} {sizes}" + (f"; on {where}" if where else ""))
    return out


def simulate(
    files: Sequence[tuple[str, Mapping[str, Any]]], *, validate: Validate | None, sources: Mapping[str, Source]
) -> Iterator[Played]:
    """All files are read before the first is played, so that a fault in the last one does not come after minutes."""
    scenarios = [(file, read(file, body, sources.get(file))) for file, body in files]
    return (_played(file, scenario, validate) for file, scenario in scenarios)


def read(file: str, body: object, source: Source | None) -> Scenario:
    """One scenario file. Raises ConfigError with its place."""
    try:
        return read_scenario(body, name=_stem(file))
    except SettingError as fault:
        raise fault.at(file, source) from None


def _stem(file: str) -> str:
    """`scenarios/node-loss.yaml` is `node-loss`."""
    name = file.rpartition("/")[2]
    return name.rpartition(".")[0] or name


def _played(file: str, scenario: Scenario, validate: Validate | None) -> Played:
    about = Played(name=scenario.name, file=file, description=scenario.description)
    reason = unplayable(scenario)
    if reason:
        return _not_played(about, reason)
    from kgate.rollout.play import Player

    try:
        recording = Player(scenario, validate).play()
    except ApiError as refused:
        return _not_played(about, f"an object of the scenario was refused: {refused.message}")
    except (FlagError, LivelockError) as fault:
        return _not_played(about, str(fault))
    return Played(name=about.name, file=file, description=about.description, recording=recording)


def _not_played(about: Played, reason: str) -> Played:
    return Played(name=about.name, file=about.file, description=about.description, reason=reason)


def unplayable(scenario: Scenario) -> str:
    """Why the engine cannot play it; empty when it can."""
    bodies = [*scenario.objects, *(b for s in scenario.steps for b in _bodies(s))]
    kind = next((b["kind"] for b in bodies if b.get("kind") in UNPLAYABLE), None)
    return "" if kind is None else f"{kind} is not modelled"


def _bodies(step: Step) -> tuple[Mapping[str, Any], ...]:
    if isinstance(step.action, Apply):
        return step.action.objects
    return (step.action.object,) if isinstance(step.action, Create) else ()
