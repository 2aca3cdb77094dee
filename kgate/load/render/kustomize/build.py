"""One kustomization after the other, from the bases up (api/internal/target/kusttarget.go)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kgate.load.render.kustomize import (
    builtins,
    configurations,
    generators,
    order,
    patches,
    references,
    replacements,
    specs,
    transformers,
    variables,
)
from kgate.load.render.kustomize.folder import Folder, is_remote
from kgate.load.render.kustomize.resources import Resource, Resources
from kgate.load.render.kustomize.settings import COMPONENT, Settings
from kgate.load.render.kustomize.specs import Config
from kgate.load.render.nodes import Node, Place
from kgate.load.render.rendering import NotRendered

MAX_OBJECTS = 20_000
LOCAL = "config.kubernetes.io/local-config"


class Accumulated:
    """What a kustomization and those below it have made so far."""

    def __init__(self) -> None:
        self.resources = Resources()
        self.config = Config()
        self.variables: dict[str, Node] = {}

    def absorb(self, other: Accumulated) -> None:
        self.resources.extend(other.resources.listed)
        self.config = self.config.merged(other.config)
        for name, variable in other.variables.items():
            if name in self.variables:
                raise NotRendered(f"variable {name} is given twice", place=variable.place)
            self.variables[name] = variable


def build(folder: Folder) -> list[Node]:
    """The objects of the app whose kustomization lies in `folder`, in the order of the output. Raises NotRendered."""
    settings = _settings(folder, None)
    made = _accumulate(folder, settings, Accumulated())
    for r in made.resources.listed:
        if r.hashed:
            r.remember()
            r.rename(f"{r.name}-{generators.content_hash(r.node)}")
    references.follow(made.resources, made.config.name_reference)
    variables.resolve(made.resources, made.variables, made.config.var_reference)
    made.resources.listed = [r for r in made.resources.listed if r.labels("annotations").get(LOCAL, "false") == "false"]
    order.arrange(made.resources, settings.node.get("sortOptions"))
    for r in made.resources.listed:
        r.finish()
    return [r.node for r in made.resources.listed]


def _settings(folder: Folder, place: Place | None) -> Settings:
    return Settings(folder.shelf.settings(folder.kustomization(place)))


def _accumulate(folder: Folder, settings: Settings, made: Accumulated) -> Accumulated:
    for entry in settings.listed("resources", "bases"):
        _resource(folder, entry, made)
    made.config = made.config.merged(configurations.read(folder, settings.listed("configurations")))
    _generate(folder, settings, made)
    for entry in settings.listed("components"):
        made = _component(folder, entry, made)
    _transform(folder, settings, made)
    variables.register(made.resources, settings.listed("vars"), made.variables)
    if len(made.resources.listed) > MAX_OBJECTS:
        raise NotRendered(f"it makes more than {MAX_OBJECTS} objects")
    return made


def _resource(folder: Folder, entry: Node, made: Accumulated) -> None:
    """A file, or the folder of another kustomization."""
    if is_remote(entry.text) or folder.find(entry.text, entry.place) is None:
        below = folder.below(entry.text, entry.place)
        settings = _settings(below, entry.place)
        if settings.kind == COMPONENT:
            raise NotRendered(f"{entry.text[:100]} is a Component, which belongs under components", place=entry.place)
        made.absorb(_accumulate(below, settings, Accumulated()))
        return
    real = folder.read(entry.text, entry.place)
    made.resources.extend(Resource(node.copy()) for node in folder.shelf.objects(real))


def _component(folder: Folder, entry: Node, made: Accumulated) -> Accumulated:
    """Changes what is there so far."""
    below = folder.below(entry.text, entry.place)
    settings = _settings(below, entry.place)
    if settings.kind != COMPONENT:
        raise NotRendered(f"{entry.text[:100]} is no Component", place=entry.place)
    return _accumulate(below, settings, made)


def _generate(folder: Folder, settings: Settings, made: Accumulated) -> None:
    """ConfigMaps first, each new or into one that is there."""
    options = settings.node.get("generatorOptions")
    for kind, field in (("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")):
        for arguments in settings.listed(field):
            made.resources.absorb(generators.generate(folder, kind, arguments, options))


def _transform(folder: Folder, settings: Settings, made: Accumulated) -> None:
    """The built-in transformers, in kustomize's order; what one empties is gone for the next."""
    for step in _steps(folder, settings, made):
        step(made.resources)
        made.resources.drop_empty()


def _steps(folder: Folder, settings: Settings, made: Accumulated) -> list[Callable[[Resources], None]]:
    config, node = made.config, settings.node
    steps: list[Callable[[Resources], None]] = []
    if merges := settings.listed("patchesStrategicMerge"):
        steps.append(partial(patches.strategic_merge, folder=folder, entries=merges))
    steps += [partial(patches.patch, folder=folder, entry=e) for e in settings.listed("patches")]
    if text := node.string("namespace"):
        steps.append(partial(transformers.namespace, text=text, place=node.children["namespace"].place, specs=config.namespace))
    if text := node.string("namePrefix"):
        steps.append(partial(transformers.affix, prefix=text, specs=config.name_prefix))
    if text := node.string("nameSuffix"):
        steps.append(partial(transformers.affix, suffix=text, specs=config.name_suffix))
    steps += [partial(transformers.texts, pairs=p, specs=s) for p, s in _labels(settings, config)]
    steps.append(partial(transformers.texts, pairs=settings.pairs("commonAnnotations"), specs=config.common_annotations))
    steps += [partial(patches.json6902, folder=folder, entry=e) for e in settings.listed("patchesJson6902")]
    steps += [_replicas(e, config) for e in settings.listed("replicas")]
    steps += [partial(transformers.image, entry=e, specs=config.images) for e in settings.listed("images", "imageTags")]
    steps += [partial(replacements.apply, replacement=e) for e in replacements.loaded(folder, settings.listed("replacements"))]
    return [*steps, *builtins.steps(folder, settings.listed("transformers"))]


def _replicas(entry: Node, config: Config) -> Callable[[Resources], None]:
    count = entry.get("count")
    if count is None:
        raise NotRendered("replicas: an entry has no count", place=entry.place)
    return partial(transformers.replicas, name=entry.string("name"), count=count, specs=config.replicas)


def _labels(settings: Settings, config: Config) -> list[tuple[dict[str, Node], specs.FieldSpecs]]:
    out = []
    for entry in settings.listed("labels"):
        pairs = entry.get("pairs")
        own = entry.get("fields")
        fields = tuple(configurations.field_spec(n) for n in (own.items if own is not None else ()))
        fields = specs.merged(fields, config.labels)
        if entry.string("includeSelectors") == "true":
            fields = specs.merged(fields, config.common_labels)
        else:
            if entry.string("includeTemplates") == "true":
                fields = specs.merged(fields, config.template_labels)
            fields = specs.merged(fields, (specs.FieldSpec("metadata/labels", create=True),))
        out.append((pairs.fields if pairs is not None else {}, fields))
    return [*out, (settings.pairs("commonLabels"), config.common_labels)]
