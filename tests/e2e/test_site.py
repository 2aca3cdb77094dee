"""The documentation as a site: it builds without a warning, every link leads somewhere, every page can be reached."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    argv = [sys.executable, "-I", "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [link for name in ("href", "src") if (link := given.get(name))]
        self.anchors |= {anchor for name in ("id", "name") if (anchor := given.get(name))}


def _read(page: Path) -> _Links:
    found = _Links()
    found.feed(page.read_text(encoding="utf-8"))
    return found


def test_every_link_leads_to_a_page_and_to_a_place_on_it(site: Path) -> None:
    pages = {page.relative_to(site).as_posix(): _read(page) for page in site.rglob("*.html") if page.name != "404.html"}
    for name, page in pages.items():
        for link in page.links:
            target, anchor = urldefrag(urljoin(name, link))
            if "://" in target or target.startswith(("mailto:", "data:", "#")):
                continue
            target = unquote(target) or name
            assert (site / target).exists(), f"{name} links to {link}"
            if anchor and target in pages:
                assert unquote(anchor) in pages[target].anchors, f"{name} links to {link}"


def test_every_page_can_be_reached_from_the_first_one(site: Path) -> None:
    linked = {urldefrag(link)[0] for link in _read(site / "index.html").links}
    assert {page.stem + ".html" for page in (ROOT / "docs").glob("*.md")} <= linked | {"index.html"}
