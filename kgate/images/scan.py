"""Asks a scanner about many images at once, and ends cleanly: at the deadline for all, on an interrupt, on a kill."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import NoReturn

from kgate.images.executable import find
from kgate.images.inventory import Image
from kgate.images.scanner import NotScanned, Scanner, ScanResult, Target
from kgate.images.settings import ImagesSettings, Scan
from kgate.reference import ImageReference, parse

Progress = Callable[[int, int], None]
"""Called with (images done, images to scan), once with 0 done at the start, from one thread."""
Answer = ScanResult | NotScanned


def _trivy(settings: ImagesSettings, stop: Event) -> Scanner:
    from kgate.images.trivy import Trivy  # most runs have nothing to scan

    return Trivy.opened(settings, stop)


SCANNERS: Mapping[str, Callable[[ImagesSettings, Event], Scanner]] = {"trivy": _trivy}
"""Opens a scanner by its name in the settings, or raises NotScanned."""

NO_NETWORK = "kgate uses no network by default, and images.archives names no archive of it"
HOW_TO_SCAN = "set images.pull to true, or name an archive"


def scan(images: Sequence[Image], settings: ImagesSettings, progress: Progress | None = None) -> tuple[Answer, ...]:
    """One answer for each image, in their order."""
    if settings.scan is Scan.OFF:
        return tuple(NotScanned("images.scan is off") for _ in images)
    targets = [_target(image, settings) for image in images]
    wanted = {i: target for i, target in enumerate(targets) if isinstance(target, Target)}
    answers = _answers(wanted, settings, progress) if wanted else {}
    return tuple(_reason(t, settings) if isinstance(t, NotScanned) else answers[i] for i, t in enumerate(targets))


def _reason(refused: NotScanned, settings: ImagesSettings) -> NotScanned:
    """Somebody without a scanner should hear of that first, before they allow it to pull."""
    if refused.reason == NO_NETWORK:
        try:
            find(settings.trivy)
        except NotScanned as missing:
            return missing
    return refused


def _target(image: Image, settings: ImagesSettings) -> Target | NotScanned:
    if image.reference is None:
        return NotScanned(f"it is no image reference: {image.fault}")
    archive = next((path for name, path in sorted(settings.archives.items()) if parse(name) == image.reference), None)
    if archive is not None:
        path = Path(archive).absolute()
        return Target(image=image.reference, archive=str(path)) if path.exists() else NotScanned(f"there is no archive {archive}")
    if settings.offline:
        return NotScanned("kgate runs offline, and images.archives names no archive of it")
    if not settings.pull:
        return NotScanned(NO_NETWORK, HOW_TO_SCAN)
    return _pulled(image.reference, settings)


def _pulled(reference: ImageReference, settings: ImagesSettings) -> Target | NotScanned:
    """A pull request shall not make the scanner knock at doors inside the network that it runs in."""
    if settings.registries:
        if reference.registry not in settings.registries:
            return NotScanned(f"images.registries does not allow pulling from {reference.registry}")
    elif not _public(reference.registry):
        return NotScanned(f"{reference.registry} is no public address", "list it under images.registries to pull from it")
    return Target(image=reference)


def _public(registry: str) -> bool:
    from ipaddress import ip_address

    host = registry.rsplit(":", 1)[0] if not registry.endswith("]") else registry
    try:
        return ip_address(host.strip("[]")).is_global
    except ValueError:
        # what is no address is a name; one without a dot, like localhost or metadata, is a neighbour's. All digits: an address in disguise
        return "." in host and not host.endswith((".local", ".localhost", ".internal", ".svc")) and not host.rsplit(".", 1)[1].isdigit()


def _answers(wanted: Mapping[int, Target], settings: ImagesSettings, progress: Progress | None) -> Mapping[int, Answer]:
    stop = Event()
    with _stopping(stop):
        try:
            scanner = SCANNERS[settings.scanner](settings, stop)
        except NotScanned as e:
            return dict.fromkeys(wanted, e)
        return _in_threads(scanner, wanted, settings, stop, progress or (lambda done, total: None))


def _in_threads(
    scanner: Scanner, wanted: Mapping[int, Target], settings: ImagesSettings, stop: Event, progress: Progress
) -> Mapping[int, Answer]:  # fmt: skip
    from concurrent.futures import ThreadPoolExecutor, as_completed

    until = time.monotonic() + settings.timeout_all_s
    progress(0, len(wanted))
    # pulls have a lane of their own: archives need not wait for the network
    pools = {False: ThreadPoolExecutor(scanner.parallel), True: ThreadPoolExecutor(scanner.parallel_pulls)}
    try:
        futures = {pools[not target.archive].submit(_ask, scanner, target, settings, until, stop): i for i, target in wanted.items()}
        for done, _ in enumerate(as_completed(futures), 1):
            progress(done, len(wanted))
        return {i: future.result() for future, i in futures.items()}
    finally:
        stop.set()
        for pool in pools.values():
            pool.shutdown(wait=True, cancel_futures=True)


def _ask(scanner: Scanner, target: Target, settings: ImagesSettings, until: float, stop: Event) -> Answer:
    left = until - time.monotonic()
    if left <= 0:
        return NotScanned(f"the {settings.timeout_all_s:g} s for all images were over", "raise images.timeout_all_s")
    try:
        return scanner.scan(target, deadline_s=min(settings.timeout_s, left), stop=stop)
    except NotScanned as e:
        return e


@contextmanager
def _stopping(stop: Event) -> Iterator[None]:
    """Whatever ends the run sets `stop`. SIGTERM, which would end Python without a farewell, becomes an exit while scanners run."""
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        stop.set()
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
