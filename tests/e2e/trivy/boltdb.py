"""Writes a bbolt file from nested mappings: buckets are mappings, values are bytes. The same mapping gives the same bytes.

Pages (bbolt's page.go, meta.go): two meta pages, an empty free list, then the trees of all buckets, leaves first. Nothing is ever inlined.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

PAGE = 4096
BRANCH, LEAF, META, FREE_LIST = 0x01, 0x02, 0x04, 0x10
HEADER = struct.Struct("<QHHI")  # id, flags, count, overflow
META_BODY = struct.Struct("<IIIIQQQQQ")  # magic, version, page size, flags, root, sequence, free list, pages, transaction
LEAF_ELEMENT = struct.Struct("<IIII")  # flags, position, key size, value size
BRANCH_ELEMENT = struct.Struct("<IIQ")  # position, key size, page
BUCKET = struct.Struct("<QQ")  # root page, sequence
IS_BUCKET = 0x01

Tree = Mapping[str, "Tree | bytes"]


def write(file: Path, content: Tree, *, capacity: int = PAGE) -> None:
    """`capacity`: bytes of elements a leaf takes before the next one is begun; small values make deep trees of little data."""
    writer = _Writer(capacity)
    root = writer.bucket(content)
    body = b"".join(page for _, page in sorted(writer.pages.items()))
    metas = b"".join(_meta(number, root, writer.free) for number in (0, 1))
    free_list = HEADER.pack(2, FREE_LIST, 0, 0).ljust(PAGE, b"\0")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(metas + free_list + body)


def _meta(number: int, root: int, pages: int) -> bytes:
    body = META_BODY.pack(0xED0CDAED, 2, PAGE, 0, root, 0, 2, pages, number)
    return (HEADER.pack(number, META, 0, 0) + body + struct.pack("<Q", _fnv64a(body))).ljust(PAGE, b"\0")


def _fnv64a(data: bytes) -> int:
    value = 14695981039346656037
    for byte in data:
        value = (value ^ byte) * 1099511628211 % 2**64
    return value


class _Writer:
    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.pages: dict[int, bytes] = {}
        self.free = 3

    def bucket(self, content: Tree) -> int:
        """The root page of the bucket."""
        items = []
        for key, value in sorted((k.encode(), v) for k, v in content.items()):
            if isinstance(value, bytes):
                items.append((0, key, value))
            else:
                items.append((IS_BUCKET, key, BUCKET.pack(self.bucket(value), 0)))
        return self._tree([(chunk[0][1] if chunk else b"", self._leaf(chunk)) for chunk in self._chunks(items)])

    def _chunks(self, items: list[tuple[int, bytes, bytes]]) -> list[list[tuple[int, bytes, bytes]]]:
        chunks: list[list[tuple[int, bytes, bytes]]] = [[]]
        used = 0
        for item in items:
            size = LEAF_ELEMENT.size + len(item[1]) + len(item[2])
            if chunks[-1] and used + size > self.capacity:
                chunks.append([])
                used = 0
            chunks[-1].append(item)
            used += size
        return chunks

    def _tree(self, children: list[tuple[bytes, int]]) -> int:
        """Branch pages over the children, as many levels as it takes."""
        while len(children) > 1:
            groups = [children[i : i + 32] for i in range(0, len(children), 32)]
            children = [(group[0][0], self._branch(group)) for group in groups]
        return children[0][1]

    def _leaf(self, items: list[tuple[int, bytes, bytes]]) -> int:
        elements, data = [], b""
        for index, (flags, key, value) in enumerate(items):
            position = (len(items) - index) * LEAF_ELEMENT.size + len(data)
            elements.append(LEAF_ELEMENT.pack(flags, position, len(key), len(value)))
            data += key + value
        return self._page(LEAF, len(items), b"".join(elements) + data)

    def _branch(self, children: list[tuple[bytes, int]]) -> int:
        elements, data = [], b""
        for index, (key, page) in enumerate(children):
            position = (len(children) - index) * BRANCH_ELEMENT.size + len(data)
            elements.append(BRANCH_ELEMENT.pack(position, len(key), page))
            data += key
        return self._page(BRANCH, len(children), b"".join(elements) + data)

    def _page(self, flags: int, count: int, body: bytes) -> int:
        number, length = self.free, -(-(HEADER.size + len(body)) // PAGE)
        self.pages[number] = (HEADER.pack(number, flags, count, length - 1) + body).ljust(length * PAGE, b"\0")
        self.free += length
        return number
