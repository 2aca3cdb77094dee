#!/usr/bin/env python3
"""Draws what `kgate check` prints in colour as an SVG, for the README: `python3 tools/run.py python tools/picture.py`.

The picture is drawn from a real run over examples/, so it shows what people will see; a test keeps it current.
"""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "check.svg"
COMMAND = ["check", "examples/nginx-deployment.yaml", "--report", "text", "--color", "always"]
WIDTH, LINE, PAD = 8.4, 18, 14
"""Pixels: one character, one line, the margin."""
COLUMNS = 118
"""Longer lines are wrapped by the terminal that the picture is of."""
COLORS = {
    31: "#ff7b72",
    32: "#7ee787",
    33: "#e3b341",
    34: "#79c0ff",
    35: "#d2a8ff",
    36: "#76e3ea",
    90: "#8b949e",
    91: "#ff7b72",
    92: "#7ee787",
}
PLAIN = "#e6edf3"
_SGR = re.compile(r"\x1b\[([0-9;]*)m")


def main() -> None:
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw(colored()), encoding="utf-8")


def colored() -> str:
    argv = [str(Path(sys.executable).parent / "kgate"), *COMMAND]
    environment = {"PATH": "/nowhere", "LANG": "C.UTF-8", "COLUMNS": str(COLUMNS)}
    return subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False).stdout


def draw(text: str) -> str:
    """One `<text>` a line. Deterministic, without scripts, fonts or links."""
    lines = ["$ kgate check examples/nginx-deployment.yaml", "", *text.rstrip("\n").split("\n")]
    rows = [piece for line in lines for piece in wrapped(line)]
    width, height = COLUMNS * WIDTH + 2 * PAD, len(rows) * LINE + 2 * PAD
    body = "\n".join(
        f'<text x="{PAD}" y="{PAD + (i + 0.75) * LINE:g}" xml:space="preserve">{row}</text>' for i, row in enumerate(rows) if row
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" role="img" aria-label="What kgate check prints">\n'
        f"<style>text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:{PLAIN}}}</style>\n"
        f'<rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n{body}\n</svg>\n'
    )


def wrapped(line: str) -> list[str]:
    """The line in pieces of at most COLUMNS characters, each a run of `<tspan>`s; an attribute lives until it is reset."""
    rows: list[list[str]] = [[]]
    used, color, bold = 0, PLAIN, False
    for i, part in enumerate(_SGR.split(line)):
        if i % 2:
            for code in map(int, filter(None, part.split(";") or ["0"])):
                color, bold = (PLAIN, False) if code == 0 else (COLORS.get(code, color), bold or code == 1)
            if not part:
                color, bold = PLAIN, False
            continue
        while part:
            piece, part = part[: COLUMNS - used], part[COLUMNS - used :]
            rows[-1].append(span(piece, color, bold))
            used += len(piece)
            if part:
                rows.append([])
                used = 0
    return ["".join(row) for row in rows]


def span(text: str, color: str, bold: bool) -> str:
    escaped = html.escape(text, quote=False)
    if color == PLAIN and not bold:
        return escaped
    weight = ' font-weight="700"' if bold else ""
    return f'<tspan fill="{color}"{weight}>{escaped}</tspan>'


if __name__ == "__main__":
    main()
