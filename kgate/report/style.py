"""How text looks: colour, alphabet, and what no line of it may ever be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kgate.finding import Severity, clean

_SGR = {"bold": "1", "dim": "2", "red": "1;31", "green": "1;32", "yellow": "1;33", "blue": "1;34", "cyan": "1;36"}
"""The 16 ANSI colours that every terminal theme adjusts; never colour alone, the word is there too."""

_BY_SEVERITY = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}

# What CI systems obey in a log. GitHub trims blanks before it looks for `::`; the older `##[command]`, Azure's `##vso[` and
# TeamCity's `##teamcity[` count anywhere in a line. Our own colour codes may stand before the colons.
_COLONS = re.compile(r"^((?:[^\S\n]|\x1b\[[0-9;]*m)*):(?=:)", re.MULTILINE)
_HASHES = re.compile(r"##(?=\w*\[)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Decided once by `cli`; the same Report and Style give the same bytes."""

    colour: bool = False
    ascii: bool = False
    """Spell out whatever is not ASCII: the reader's locale cannot show it."""
    quiet: int = 0
    """0: everything, 1: the verdict line, 2: nothing. Formats for machines are never shortened."""
    below: str = ""
    """The working directory as seen from the root of the repository, `deploy/prod`: forges want paths from there."""

    def paint(self, colour: str, text: str) -> str:
        return f"\x1b[{_SGR[colour]}m{text}\x1b[0m" if self.colour and text else text

    def severity(self, severity: Severity, text: str) -> str:
        return self.paint(_BY_SEVERITY[severity], text)

    def shown(self, text: str) -> str:
        """Foreign text, fit for one line of this style."""
        text = clean(text)
        return text if not self.ascii or text.isascii() else text.encode("ascii", "backslashreplace").decode("ascii")

    def in_repository(self, file: str) -> str:
        """`file` as a forge names it: from the root of the repository, with `/`, without `./`. An absolute path stays one."""
        import posixpath

        return posixpath.normpath(posixpath.join(self.below, file)) if file else file

    def finished(self, lines: list[str]) -> str:
        """The lines as one text, no trailing blanks, none of them a command to a CI system."""
        return inert("".join(line.rstrip() + "\n" for line in lines))


def inert(text: str) -> str:
    """`text` with every workflow command broken: the first character that makes it one is spelt out."""
    if "::" in text:
        text = _COLONS.sub(r"\1\\x3a", text)
    return _HASHES.sub(r"#\\x23", text) if "##" in text else text


def colour_wanted(option: str, environ: Mapping[str, str], *, tty: bool) -> bool:
    """`--color` (auto, always, never), then NO_COLOR, then FORCE_COLOR and CLICOLOR_FORCE, then TERM=dumb, then the terminal itself."""
    if option != "auto":
        return option == "always"
    if environ.get("NO_COLOR"):
        return False
    if any(environ.get(name) not in (None, "", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return tty and environ.get("TERM") != "dumb"


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 error`, `2 errors`, `2 policies`."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def clock(at_ms: int) -> str:
    """Virtual time as people read it: `0:40`, `10:00`, `1:02:03`; fractions of a second are cut off."""
    minutes, seconds = divmod(at_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def columns(rows: Sequence[tuple[str, ...]], *, right: frozenset[int] = frozenset(), gap: str = "  ") -> list[str]:
    """Rows of equal length as aligned lines; the columns in `right` are flush right. Widths count terminal cells."""
    widths = [max(width(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return [gap.join(_padded(cell, widths[i], flush_right=i in right) for i, cell in enumerate(row)).rstrip() for row in rows]


def _padded(cell: str, wide: int, *, flush_right: bool) -> str:
    blanks = " " * (wide - width(cell))
    return blanks + cell if flush_right else cell + blanks


def wrapped(text: str, wide: int) -> list[str]:
    """`text` in lines of at most `wide` cells, broken at blanks; a longer word has a line of its own."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if width(longer) <= wide or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def width(text: str) -> int:
    """How many cells a terminal needs: 2 for a wide character, 0 for a combining one."""
    return len(text) if text.isascii() else sum(map(cells, text))


def cells(character: str) -> int:
    if character.isascii():
        return 1
    import unicodedata

    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
