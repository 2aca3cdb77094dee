"""A `trivy server` of kgate's own on a loopback port: it opens the database once, and several clients share it."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from msgspec import Struct

from kgate.images import child
from kgate.images.room import tail
from kgate.images.trivy_log import alpine_branches

START_S = 10.0
WORTH = 4
"""From so many images on it is faster than one process after the other (measured on two cores: three times for fifty)."""
_FOREVER_S = 1e6


class Server(Struct, frozen=True, kw_only=True):
    url: str
    token: str
    log: Path | None = None
    """Of kgate's own server: in it stands what the clients are not told."""

    def branches(self, release: str) -> frozenset[str]:
        """Whose advisories it has looked up for images of an Alpine release so far.

        The log has two parts of the release (pkg/detector/ospkg/version, Minor), `3.18` for images of 3.18.4.
        """
        told = alpine_branches(tail(self.log)) if self.log else {}
        return told.get(release, frozenset()) | told.get(".".join(release.split(".")[:2]), frozenset())


@contextmanager
def serving(
    executable: str, cache_dir: Path, *, folder: Path, environment: Mapping[str, str], memory: bool, until: float, stop: Event
) -> Iterator[Server | None]:  # fmt: skip
    """None when it does not come up: then each image is scanned by itself. It ends with the `with`, or with kgate's process group."""
    enough, ended = Event(), Event()
    server = Server(url=f"http://127.0.0.1:{_free_port()}", token=secrets.token_hex(16), log=folder / "stderr")
    argv = [executable, "server", "--config", "/dev/null", "--cache-dir", str(cache_dir), "--skip-db-update"]
    argv += [*(["--cache-backend", "memory"] if memory else []), "--listen", server.url.removeprefix("http://")]
    thread = Thread(target=_run, args=(argv, folder, {**environment, "TRIVY_TOKEN": server.token}, enough, ended), daemon=True)
    thread.start()
    try:
        yield server if _healthy(server, ended, until, stop) else None
    finally:
        enough.set()
        thread.join()


def _run(argv: Sequence[str], folder: Path, environment: Mapping[str, str], enough: Event, ended: Event) -> None:
    """The token goes by the environment: everybody on the machine may read what a program is called with."""
    out, err = str(folder / "stdout"), str(folder / "stderr")
    try:
        child.run(argv, cwd=str(folder / "empty"), env=environment, stdout=out, stderr=err, deadline_s=_FOREVER_S, stop=enough)
    except OSError:
        pass  # it will not become healthy
    finally:
        ended.set()


def _healthy(server: Server, ended: Event, until: float, stop: Event) -> bool:
    from http.client import HTTPConnection, HTTPException

    until = min(until, time.monotonic() + START_S)
    while not ended.is_set() and not stop.is_set() and time.monotonic() < until:
        connection = HTTPConnection(server.url.removeprefix("http://"), timeout=1)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return True
        except (OSError, HTTPException):
            ended.wait(0.01)
        finally:
            connection.close()
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
