"""The few ways in which text becomes HTML here, so that nothing foreign gets in unescaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kgate.finding import MAX_MESSAGE, clean

_ANY = 1_000_000
"""Characters of an attribute: the outline of a long rollout shall not be cut in the middle of a number."""


def safe(text: str, *, limit: int = MAX_MESSAGE) -> str:
    """Foreign text, between tags or in a quoted attribute."""
    text = clean(text, limit=limit)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;").replace("'", "&#39;")


def element(tag: str, inside: str = "", **attributes: object) -> str:
    """`inside` is markup already, attributes are not. `class_` is `class`, `stroke_width` is `stroke-width`; None leaves one out."""
    told = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{safe(str(value), limit=_ANY)}"' for name, value in attributes.items() if value is not None
    )
    return f"<{tag}{told}>{inside}</{tag}>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str, right: frozenset[int] = frozenset()) -> str:
    """Cells are text. On a narrow screen the table scrolls by itself and the page does not."""
    heads = "".join(element("th", safe(h), scope="col", class_="n" if i in right else None) for i, h in enumerate(head))
    body = "\n".join(
        f"<tr>{''.join(element('td', safe(c), class_='n' if i in right else None) for i, c in enumerate(row))}</tr>" for row in rows
    )
    inside = f"<table><caption>{safe(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>\n{body}\n</tbody></table>"
    return element("div", inside, class_="scroll", tabindex=0, role="region", aria_label=caption)


def folded(title: str, inside: str) -> str:
    return f"<details><summary>{safe(title)}</summary>\n{inside}\n</details>"
