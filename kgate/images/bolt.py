"""Reads the names of the top-level buckets of a bbolt file, and nothing else of it.

Trivy's database is a bbolt file (go.etcd.io/bbolt: page.go, meta.go, node.go) with one bucket for each distribution release and language.
Trivy finds nothing, and says nothing, for a release that has no bucket; so kgate looks which there are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MAGIC = 0xED0CDAED
VERSION = 2
MAX_PAGES = 100_000
"""Pages of the root bucket; a real database has a few."""

_PAGE = struct.Struct("<QHHI")  # id, flags, count, overflow
_META = struct.Struct("<IIIIQQQQQ")  # magic, version, page size, flags, root page, sequence, free list, pages in use, transaction
_CHECKSUM = struct.Struct("<Q")
_BRANCH = struct.Struct("<IIQ")  # position, key size, page
_LEAF = struct.Struct("<IIII")  # flags, position, key size, value size
_BRANCH_PAGE, _LEAF_PAGE, _BUCKET = 0x01, 0x02, 0x01
_PAGE_SIZES = (4096, 8192, 16384, 32768, 65536, 1024, 2048)


class DamagedFileError(ValueError):
    """The file is no bbolt file, or not a whole one."""


def bucket_names(file: Path) -> frozenset[str]:
    """Raises DamagedFileError or OSError."""
    with file.open("rb") as opened:
        page_size, root, pages = _newest_meta(opened)
        if opened.seek(0, 2) < page_size * pages:
            raise DamagedFileError("it is shorter than it says")
        return frozenset(name.decode("utf-8", "replace") for name in _names(opened, page_size, root, pages))


def _newest_meta(file: BinaryIO) -> tuple[int, int, int]:
    """Page size, root page and pages in use. Of the two meta pages the one with the highest transaction that is whole counts."""
    first = _meta(file, 0)
    sizes = (first[1],) if first else _PAGE_SIZES
    metas = [m for m in (first, *(_meta(file, size) for size in sizes)) if m]
    if not metas:
        raise DamagedFileError("it is no bbolt file")
    _, page_size, root, pages = max(metas)
    return page_size, root, pages


def _meta(file: BinaryIO, offset: int) -> tuple[int, int, int, int] | None:
    """Transaction, page size, root page, pages in use; None when there is no whole meta page at `offset`."""
    file.seek(offset)
    data = file.read(_PAGE.size + _META.size + _CHECKSUM.size)[_PAGE.size :]
    if len(data) < _META.size + _CHECKSUM.size:
        return None
    magic, version, page_size, _, root, _, _, pages, transaction = _META.unpack_from(data)
    if magic != MAGIC or version != VERSION or _CHECKSUM.unpack_from(data, _META.size)[0] != _fnv64a(data[: _META.size]):
        return None
    return (transaction, page_size, root, pages) if page_size in _PAGE_SIZES else None


def _fnv64a(data: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def _names(file: BinaryIO, page_size: int, root: int, pages: int) -> Iterator[bytes]:
    todo, seen = [root], set[int]()
    while todo:
        number = todo.pop()
        if number in seen or number >= pages or len(seen) >= MAX_PAGES:
            raise DamagedFileError(f"its page {number} makes no sense")
        seen.add(number)
        flags, count, page = _page(file, number, page_size)
        if flags & _LEAF_PAGE:
            yield from _leaf_names(page, count)
        elif flags & _BRANCH_PAGE:
            todo.extend(_element(page, _BRANCH, index)[2] for index in range(count))
        else:
            raise DamagedFileError(f"its page {number} is neither branch nor leaf")


def _page(file: BinaryIO, number: int, page_size: int) -> tuple[int, int, bytes]:
    file.seek(number * page_size)
    header = file.read(_PAGE.size)
    if len(header) < _PAGE.size:
        raise DamagedFileError("it ends too early")
    _, flags, count, overflow = _PAGE.unpack(header)
    return flags, count, header + file.read((min(overflow, MAX_PAGES) + 1) * page_size - _PAGE.size)


def _leaf_names(page: bytes, count: int) -> Iterator[bytes]:
    for index in range(count):
        flags, position, key_size, _ = _element(page, _LEAF, index)
        start = _PAGE.size + index * _LEAF.size + position  # positions count from the element itself
        if start + key_size > len(page):
            raise DamagedFileError("a key lies outside its page")
        if flags & _BUCKET:
            yield page[start : start + key_size]


def _element(page: bytes, kind: struct.Struct, index: int) -> tuple[int, ...]:
    offset = _PAGE.size + index * kind.size
    if offset + kind.size > len(page):
        raise DamagedFileError("a page holds fewer elements than it says")
    return kind.unpack_from(page, offset)
