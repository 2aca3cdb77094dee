"""Credentials for a registry, as Docker keeps them: in config.json, or with a helper program that it names (docker/cli, cli/config).

kgate asks for those of the registry at hand alone, and shows them to no one else.
"""

from __future__ import annotations

import base64
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any

from msgspec import Struct

from kgate.images import child
from kgate.images.registry.answers import NotChecked

HELPER_DEADLINE_S = 20.0
MAX_BYTES = 1024 * 1024
HUB = "https://index.docker.io/v1/"
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_NOTHING = "credentials not found in native keychain"


class Credentials(Struct, frozen=True, kw_only=True):
    """Their text never shows in a message or a log."""

    user: str = ""
    password: str = ""
    identity_token: str = ""
    """A refresh token, to be exchanged at the token endpoint."""

    def __repr__(self) -> str:
        return "Credentials(...)"

    @property
    def basic(self) -> str:
        """The value of an Authorization header; empty without a user."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode() if self.user else ""


def config_folder() -> Path | None:
    """DOCKER_CONFIG, or ~/.docker."""
    if folder := os.environ.get("DOCKER_CONFIG"):
        return Path(folder)
    return Path(home, ".docker") if (home := os.environ.get("HOME")) else None


def credentials_for(registry: str, *, stop: Event) -> Credentials | None:
    """None when Docker knows of none. Raises NotChecked when it does, and they cannot be had."""
    folder = config_folder()
    config: Mapping[str, Any] = _config(folder / "config.json") if folder else {}
    names = _names(registry)
    helper = _helper(config, names)
    if helper and (told := _ask(helper, names[0], stop)):
        return told
    auths = config.get("auths")
    if not isinstance(auths, Mapping):
        return None
    entries = (entry for name in names if isinstance(entry := auths.get(name), Mapping))
    return next((found for entry in entries if (found := _decode(entry))), None)


def _names(registry: str) -> Sequence[str]:
    """Under which names Docker files it, the likeliest first."""
    if registry == "docker.io":
        return (HUB, "docker.io", "index.docker.io", "registry-1.docker.io", "https://index.docker.io/v2/", "https://docker.io")
    return (
        registry,
        f"https://{registry}",
        f"https://{registry}/",
        f"https://{registry}/v1/",
        f"https://{registry}/v2/",
        f"http://{registry}",
    )


def _config(file: Path) -> Mapping[str, Any]:
    import json

    try:
        with file.open("rb") as opened:
            config = json.loads(opened.read(MAX_BYTES))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as e:
        raise NotChecked(f"Docker's settings {file} cannot be read", "write them anew with `docker login`") from e
    if not isinstance(config, Mapping):
        raise NotChecked(f"Docker's settings {file} are no JSON object", "write them anew with `docker login`")
    return config


def _helper(config: Mapping[str, Any], names: Sequence[str]) -> str:
    helpers = config.get("credHelpers")
    named = [helpers[n] for n in names if n in helpers] if isinstance(helpers, Mapping) else []
    chosen: object = named[0] if named else config.get("credsStore") or ""
    if chosen and not (isinstance(chosen, str) and _HELPER.fullmatch(chosen)):
        raise NotChecked("Docker's settings name a credential helper that is no plain name")
    return str(chosen)


def _decode(entry: Mapping[str, Any]) -> Credentials | None:
    token = entry.get("identitytoken")
    user, password = entry.get("username"), entry.get("password")
    if isinstance(auth := entry.get("auth"), str) and auth:
        try:
            user, _, password = base64.b64decode(auth, validate=True).decode().rstrip("\0").partition(":")
        except ValueError as e:
            raise NotChecked("Docker's settings hold credentials that cannot be read", "write them anew with `docker login`") from e
    token = token if isinstance(token, str) else ""
    if isinstance(user, str) and user:
        return Credentials(user=user, password=password if isinstance(password, str) else "", identity_token=token)
    return Credentials(identity_token=token) if token else None


def _ask(helper: str, server: str, stop: Event) -> Credentials | None:
    """docker-credential-helpers: `docker-credential-NAME get`, the server on standard input, JSON on standard output."""
    import json
    import shutil

    program = f"docker-credential-{helper}"
    found = shutil.which(program)
    if found is None or not Path(found).is_absolute():
        raise NotChecked(f"Docker's settings name the credential helper {program}, which is not on PATH", "install it")
    with tempfile.TemporaryDirectory(prefix="kgate-", ignore_cleanup_errors=True) as folder:
        out = Path(folder, "out")
        (Path(folder, "in")).write_text(server)
        try:
            ended = child.run(
                [found, "get"], cwd=folder, env=dict(os.environ), stdin=str(Path(folder, "in")), stdout=str(out),
                stderr=str(Path(folder, "err")), deadline_s=HELPER_DEADLINE_S, stop=stop,
            )  # fmt: skip
        except OSError as e:
            raise NotChecked(f"the credential helper {program} cannot be started: {e.strerror}") from e
        said = out.read_bytes()[:MAX_BYTES].decode("utf-8", "replace")
    if ended.returncode != 0 and said.strip() == _NOTHING:
        return None
    if ended.timed_out or ended.interrupted or ended.returncode != 0:
        raise NotChecked(f"the credential helper {program} gives no credentials", f"try `{program} get`")
    try:
        told = json.loads(said)
        user, secret = told["Username"], told["Secret"]
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise NotChecked(f"the credential helper {program} does not answer in its protocol") from e
    if not (isinstance(user, str) and isinstance(secret, str)):
        raise NotChecked(f"the credential helper {program} does not answer in its protocol")
    return Credentials(identity_token=secret) if user == "<token>" else Credentials(user=user, password=secret)
