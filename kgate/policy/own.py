"""Policies of the user's own, from the files that `policy.paths` names: kgate's form here, Kubernetes' own in the room `admission`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any

from kgate.errors import ConfigError, SettingError, UsageError
from kgate.policy.catalog import Catalog, catalog, merged, read_policy, wrong
from kgate.policy.policy import Policy
from kgate.policy.requirement import Requirement

PACK = "own"
_KUBERNETES = re.compile(r"""^\s*["']?(?:apiVersion|kind)["']?\s*:""", re.MULTILINE)
_ID = re.compile(r"[A-Za-z][A-Za-z0-9]*[-_.A-Za-z0-9]*").fullmatch
_RESERVED = re.compile(r"kg[0-9]", re.IGNORECASE).match
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*").fullmatch
_MOST_BYTES = 4 * 2**20


@lru_cache(maxsize=8)
def catalog_of(paths: tuple[str, ...]) -> Catalog:
    """The built-in policies and those in the files of `paths`. Raises ConfigError, UsageError."""
    texts = [(file, text) for file, text in _texts(paths) if not _KUBERNETES.search(text)]
    return merged(catalog(), [read_own(text, file) for file, text in texts]) if texts else catalog()


def objects_of(paths: Iterable[str]) -> tuple[str, ...]:
    """The files among them that hold objects of Kubernetes: admission policies, bindings, and what they ask for. Raises UsageError."""
    return tuple(file for file, text in _texts(tuple(paths)) if _KUBERNETES.search(text))


def files_of(paths: tuple[str, ...]) -> tuple[str, ...]:
    """The files among them that hold policies of kgate's form. Raises UsageError."""
    return tuple(file for file, text in _texts(paths) if not _KUBERNETES.search(text))


def read_own(text: str, file: str) -> Policy:
    """One policy. Raises ConfigError with line and column for whatever is wrong with it."""
    policy = read_policy(text, file, pack=PACK, examples_required=False)
    rule = policy.rule
    if _RESERVED(rule.id) or not _ID(rule.id):
        raise wrong(
            file, text, ("id",), f'"{rule.id}" is no identifier of your own', hint="KG and a number are kgate's: write for example ACME-1"
        )
    if not _NAME(rule.name):
        raise wrong(
            file, text, ("name",), f'"{rule.name}" is no name', hint="small letters and digits with dashes between: no-host-network"
        )
    if policy.setting:
        raise wrong(file, text, ("setting",), "settings are of built-in policies", hint="give the policy params")
    for key, schema in (("require", policy.require), ("when", policy.when)):
        if schema is not None and (fault := _schema_fault(schema)):
            raise wrong(file, text, (key,), f"this is no JSON Schema: {fault}")
    return _of_check(policy, text, file) if policy.check else policy


def _schema_fault(schema: Any) -> str:
    """What another file or host is asked for is refused: a policy stands in one file."""
    if any(not str(reference).startswith("#") for reference in _references(schema)):
        return "$ref points to another document"
    try:
        Requirement(schema=schema).met({})
    except Exception as error:  # of whatever validator there is
        return (str(error).splitlines() or ["it cannot be compiled"])[0]
    return ""


def _references(schema: Any) -> Iterator[Any]:
    if isinstance(schema, dict):
        yield from (schema[key] for key in ("$ref", "$dynamicRef") if isinstance(schema.get(key), str))
    if isinstance(schema, dict | list):
        for item in schema.values() if isinstance(schema, dict) else schema:
            yield from _references(item)


def _of_check(policy: Policy, text: str, file: str) -> Policy:
    """The check gets the params of the built-in policy that has it, with those that the policy replaces."""
    from msgspec.structs import replace

    from kgate.policy.reading import params_of

    built_in = next((p for p in catalog().policies if p.check == policy.check), None)
    if built_in is None or built_in.subject is not policy.subject:
        subject = built_in.subject if built_in else "another"
        raise wrong(file, text, ("subject",), f'the check {policy.check} is asked about "{subject}", not "{policy.subject}"')
    try:
        params = params_of(built_in, policy.params, ("params",))
    except SettingError as fault:
        raise wrong(file, text, fault.path, fault.message, hint=fault.hint) from None
    return replace(policy, params={**built_in.params, **params})


@lru_cache(maxsize=8)
def _texts(paths: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((file, _text(file)) for path in paths for file in sorted(_files(path)))


def _files(path: str) -> Iterator[str]:
    """A link is not followed: a pull request can plant it. Hidden folders are tools' own."""
    if not os.path.exists(path):  # noqa: PTH110 (texts, as the settings name them)
        raise UsageError(f"policy.paths: {path}: no such file or folder", hint="paths are taken from the folder of the settings file")
    if FilePath(path).is_file():
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in files:
            file = FilePath(folder, name)
            if name.endswith((".yaml", ".yml", ".json")) and not name.startswith(".") and not file.is_symlink():
                yield os.path.normpath(file)


def _text(file: str) -> str:
    try:
        raw = FilePath(file).read_bytes()
        if len(raw) > _MOST_BYTES:
            raise ConfigError.at(file, 1, 1, f"a policy file of more than {_MOST_BYTES // 2**20} MiB is not read")
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"policy.paths: {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError.at(file, 1, 1, "this is no UTF-8") from None
