"""Asks about many images at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from threading import Event

from kgate.images.registry.answers import Answer, NotChecked, Present
from kgate.images.registry.client import Registry
from kgate.reference import ImageReference

PARALLEL = 8


def ask(
    references: Iterable[ImageReference],
    registry: Registry,
    *,
    until: float,
    stop: Event,
    known: Mapping[str, Present],
    progress: Callable[[], None],
) -> dict[ImageReference, Answer]:
    """One answer each. `until`: of time.monotonic; what is not asked by then is not checked. `progress` is called after each answer."""
    from concurrent.futures import ThreadPoolExecutor, as_completed

    wanted = tuple(dict.fromkeys(references))
    pool = ThreadPoolExecutor(min(PARALLEL, len(wanted)) or 1, thread_name_prefix="registry")
    try:
        futures = {pool.submit(_one, registry, reference, until, known): reference for reference in wanted}
        answers = {}
        for future in as_completed(futures):
            answers[futures[future]] = future.result()
            progress()
        return {reference: answers[reference] for reference in wanted}
    except BaseException:
        stop.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _one(registry: Registry, reference: ImageReference, until: float, known: Mapping[str, Present]) -> Answer:
    if time.monotonic() >= until:
        return NotChecked("the time for all images was over", "raise images.timeout_all_s")
    try:
        return registry.look_up(reference, known=known)
    except NotChecked as e:
        return e
