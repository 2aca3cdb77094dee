"""The page around the sections: what a browser may do, and how it looks."""

from __future__ import annotations

from pathlib import Path

from kgate.report.html.markup import safe

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def page(title: str, body: str) -> str:
    look = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{safe(_POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{safe(title)}</title>
<style>
{look}</style>
</head>
<body>
{body}
</body>
</html>
"""
