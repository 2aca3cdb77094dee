"""Bytes to text: Kubernetes reads UTF-8."""

from __future__ import annotations

import codecs

from kgate.load.fault import Fault
from kgate.load.rules import NOT_TEXT
from kgate.load.syntax import place_at

_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF32_BE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"),
)  # fmt: skip


def decoded(data: bytes) -> str | Fault:
    """The text, its byte order mark kept. A Fault for anything but UTF-8.

    # Unlike upstream: go-yaml also reads UTF-16. Reviewers' tools do not, so it would hide an object from them.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as e:
        name = next((name for mark, name in _MARKS if data.startswith(mark)), "")
        before = data[: e.start].decode("utf-8")
        message = f"text is {name}, not UTF-8" if name else f"byte 0x{data[e.start]:02x} is not UTF-8"
        return Fault(rule=NOT_TEXT, message=message, place=place_at(before, len(before)))
