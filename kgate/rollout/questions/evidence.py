"""What a question may look at, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from kgate.edit import Edit as TextEdit
from kgate.edit import Fix, Operation
from kgate.engine.api.meta import Key
from kgate.finding import Finding, Rule
from kgate.manifest import Manifest, Path
from kgate.outcome import Proof
from kgate.rollout.pods import PodManners
from kgate.rollout.settings import RolloutSettings
from kgate.rollout.written import node

if TYPE_CHECKING:
    from kgate.engine import Cluster
    from kgate.outcome import Rehearsal
    from kgate.rollout.cluster import ClusterSpec
    from kgate.rollout.facts import Rolled
    from kgate.rollout.follow import Followed
    from kgate.rollout.startup import Startup


class Level(StrEnum):
    """How much an answer claims. There is no bare pass: it holds within the bounds that stand beside it."""

    FAILS = "fails"
    """In every schedule."""
    CAN_FAIL = "can-fail"
    """In the schedule that is shown."""
    PASSES = "passes"
    UNKNOWN = "unknown"


class Edit(Struct, frozen=True, kw_only=True):
    """A field as it could be instead; None takes it out, and an object whose root it takes out is not there at all."""

    path: Path
    value: object
    where: Manifest | None = None
    """None: the Deployment itself; else one of what bears on it."""


class Trial(Struct, frozen=True, kw_only=True):
    """Another play of the same change, of which something is different."""

    edits: Sequence[Edit] = ()
    images: Mapping[str, PodManners] = field(default_factory=dict)
    """How images behave, over what the settings say."""
    between: Callable[[Cluster], None] | None = None
    """Done when the base has settled, right before the change."""
    alone: bool = False
    """Without the other Deployments that share the cluster: cheaper, and room is then no subject."""
    reapplied: bool = False
    """Head is applied over head, as every later deployment does."""


class Evidence(Struct, frozen=True, kw_only=True):
    """One Deployment of a world that was played."""

    manifest: Manifest
    before: Manifest | None
    rehearsal: Rehearsal
    """With its main verdict, steps, placement and sizes."""
    rolled: Rolled
    """The whole world: `rolled.played.cluster` at the end, `rolled.played.events` the trace."""
    started: Sequence[Startup]
    settings: RolloutSettings
    supports: Sequence[Manifest]
    """What bears on the Deployment: budgets, autoscalers, quotas, Services of its namespace, in the order of the files."""
    head: Sequence[Manifest]
    base: Sequence[Manifest]
    """Everything that was applied, in order: base, then head."""
    replay: Callable[[Sequence[Edit]], Evidence | None]
    """The same change with the head version edited; None when that cannot be played, or enough has been replayed.

    Costs as much as the rehearsal did.
    """
    elsewhere: Callable[[ClusterSpec], Evidence | None]
    """The same change on another cluster, at the same cost."""
    trial: Callable[[Trial], Evidence | None]
    """The same, with anything different. The cluster of what comes back is the caller's own."""
    neighbours: Sequence[Manifest]
    """Of its namespace in the set: whatever has a pod template, claims, vertical autoscalers. Most of it is never played."""
    shared: dict[str, Any]
    """What a question found out once for all Deployments of this world, by the question's name."""

    @property
    def key(self) -> Key:
        return Key(kind="Deployment", namespace=self.manifest.namespace or "default", name=self.manifest.name)

    @property
    def followed(self) -> Followed:
        return self.rolled.followed[self.key]

    @property
    def assumed_cluster(self) -> bool:
        """Nobody described the cluster: what depends on its nodes proves nothing about the user's."""
        return self.rolled.cluster.assumed

    def of_kind(self, kind: str) -> Sequence[Manifest]:
        return [m for m in self.supports if m.kind == kind]

    @property
    def crowd(self) -> int:
        """How many Deployments change together: each may be asked only what all of them can be asked in reasonable time."""
        return len(self.rolled.followed)


class Answer(Struct, frozen=True, kw_only=True):
    """To one question. Only `fails` and `can-fail` are findings."""

    rule: Rule
    level: Level
    statement: str
    """One sentence, with the numbers."""
    bounds: str = ""
    """What it holds for, where that is not the rehearsal's own."""
    evidence: tuple[str, ...] = ()
    """Messages of the cluster and rows of the trace that prove it, word for word."""
    path: Path = ()
    """Where the cause is written, in `where`."""
    where: Manifest | None = None
    """None: the Deployment itself."""
    key: bool = False
    """Point at the key, not at the value."""
    fix: str = ""
    """What to write instead."""
    verified: bool = False
    """The fix was played, and the question then passes."""
    edits: Sequence[Edit] = ()
    """The fix that was played, as edits."""
    counter_example: str = ""
    """A scenario file that replays the failure."""

    def proof(self) -> Proof:
        return Proof(
            question=self.rule.name,
            level=self.level.value,
            statement=self.statement,
            bounds=self.bounds,
            evidence=self.evidence,
            fix=self.fix,
            verified=self.verified,
            counter_example=self.counter_example,
        )

    def finding(self, manifest: Manifest, settings: RolloutSettings) -> Finding | None:
        severity = settings.severity(self.rule)
        if self.level not in (Level.FAILS, Level.CAN_FAIL) or severity is None:
            return None
        remediation = (self.fix + (" (played: it then passes)" if self.verified else "")) or None
        return Finding.at(
            self.where or manifest,
            self.path,
            rule=self.rule,
            message=self.statement,
            key=self.key,
            severity=severity,
            remediation=remediation,
            fix=self._written(self.where or manifest, manifest),
        )

    def _written(self, at: Manifest, deployment: Manifest) -> Fix | None:
        """What was played, for the text: of the object where the finding stands alone."""
        if not (self.verified and self.edits) or any((e.where or deployment) is not at or not e.path for e in self.edits):
            return None
        written = [TextEdit(path=e.path, value=e.value) for e in self.edits if e.value is not None]
        gone = [e.path for e in self.edits if e.value is None and node(at.body, e.path) is not None]
        removed = [TextEdit(path=path, operation=Operation.REMOVE) for path in gone]
        return Fix(edits=(*written, *removed), unsafe="the next rollout goes another way")


Question = Callable[[Evidence], Iterable[Answer]]


def verified(evidence: Evidence, edits: Sequence[Edit], passes: Callable[[Evidence], bool]) -> bool:
    """Whether the question passes on the edited Deployment, which is played for it."""
    played = evidence.replay(edits)
    return played is not None and passes(played)


def edited(body: Mapping[str, object], edits: Sequence[Edit]) -> Mapping[str, object]:
    """A copy of the body with the edits made; mappings on the way are made where there are none."""
    whole: Any = body
    for edit in edits:
        whole = _with(whole, edit.path, edit.value)
    return dict(whole)


def _with(body: Any, path: Path, value: object) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(body, list) and isinstance(step, int):
        return [_with(item, rest, value) if i == step else item for i, item in enumerate(body)]
    fields = dict(body) if isinstance(body, Mapping) else {}
    if not rest and value is None:
        fields.pop(str(step), None)
        return fields
    fields[str(step)] = _with(fields.get(str(step)), rest, value)
    return fields
