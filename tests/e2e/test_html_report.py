"""The HTML report in a real browser: at phone and desk width, light and dark. Needs Chromium and its driver."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kgate.report import REPORTERS, Style
from tests.report.handmade import REPORTS

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
SHOTS = os.environ.get("KGATE_SCREENSHOTS")
"""A folder in which the pictures are kept."""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Chromium and its driver are not installed")]

OFFLINE = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (*OFFLINE, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    yield driver
    driver.quit()


def opened(browser: Any, tmp_path: Path, case: str, *, width: int, scheme: str) -> None:
    page = tmp_path / f"{case}.html"
    page.write_text(REPORTERS["html"](REPORTS[case], Style()), encoding="utf-8")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    browser.get_log("browser")
    browser.get(page.as_uri())


def luminance(colour: str) -> float:
    """Relative luminance of `rgb(1, 2, 3)`, as WCAG defines it."""
    channels = [int(c) / 255 for c in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("case", REPORTS)
def test_a_page_fits_its_screen_and_nothing_in_it_complains(browser: Any, tmp_path: Path, case: str, width: int, scheme: str) -> None:
    opened(browser, tmp_path, case, width=width, scheme=scheme)
    for details in browser.find_elements("tag name", "details"):
        browser.execute_script("arguments[0].open = true", details)
    if SHOTS:
        Path(SHOTS).mkdir(exist_ok=True, parents=True)
        browser.save_screenshot(str(Path(SHOTS) / f"{case}-{width}-{scheme}.png"))
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.get_log("browser") == []
    assert (
        browser.execute_script("return document.scripts.length + document.querySelectorAll('[src], link, iframe, object, a').length") == 0
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_its_ground(browser: Any, tmp_path: Path, scheme: str) -> None:
    opened(browser, tmp_path, "every-severity", width=1280, scheme=scheme)
    page = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    for selector in ("body", ".soft", "summary", "footer"):
        ink = browser.execute_script("return getComputedStyle(document.querySelector(arguments[0])).color", selector)
        assert contrast(ink, page) >= 4.5, selector
    for badge in browser.find_elements("css selector", ".badge"):
        ink, ground = browser.execute_script("const s = getComputedStyle(arguments[0]); return [s.color, s.backgroundColor]", badge)
        assert contrast(ink, ground) >= 4.5, badge.text


def test_dark_is_dark(browser: Any, tmp_path: Path) -> None:
    ground = {}
    for scheme in ("light", "dark"):
        opened(browser, tmp_path, "all-well", width=1280, scheme=scheme)
        ground[scheme] = luminance(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert ground["dark"] < 0.1 < 0.9 < ground["light"]


UNTITLED = """
return [...arguments[0].querySelectorAll('path, rect, line')].filter(s => !s.classList.contains('axis') && !s.querySelector('title')).length
"""


@pytest.mark.parametrize("case", ["all-well", "stuck"])
def test_every_picture_has_a_title_a_description_and_a_table_beside_it(browser: Any, tmp_path: Path, case: str) -> None:
    opened(browser, tmp_path, case, width=1280, scheme="light")
    pictures = browser.find_elements("css selector", "figure svg")
    assert pictures
    for picture in pictures:
        title, description = (
            browser.execute_script("return document.getElementById(arguments[0]).textContent", i)
            for i in picture.get_attribute("aria-labelledby").split()
        )
        assert "Deployment prod/web" in title
        assert len(description) > 20
        assert browser.execute_script("return arguments[0].closest('figure').nextElementSibling.querySelector('table') !== null", picture)
        assert browser.execute_script(UNTITLED, picture) == 0


def test_the_picture_shows_the_pods_that_the_table_counts(browser: Any, tmp_path: Path) -> None:
    opened(browser, tmp_path, "all-well", width=1280, scheme="light")
    (placed,) = (f for f in browser.find_elements("tag name", "figure") if "Placement" in f.get_attribute("innerHTML"))
    assert len(placed.find_elements("css selector", "rect.new")) == sum(n.pods_end for n in REPORTS["all-well"].rollouts[0].placement)


def test_hostile_text_runs_and_loads_nothing(browser: Any, tmp_path: Path) -> None:
    from tests.report.handmade import finding, report

    evil = '<script>document.title="owned"</script><img src=x onerror="document.title=1">"\'><svg onload=alert(1)>'
    page = tmp_path / "evil.html"
    hostile = report(findings=[finding(message=evil, file=evil, why=evil, remediation=evil, waived=None)])
    page.write_text(REPORTERS["html"](hostile, Style()), encoding="utf-8")
    browser.get(page.as_uri())
    assert browser.title == "kgate: fail"
    assert browser.find_elements("css selector", "img, script, svg") == []
    assert evil in browser.find_element("tag name", "strong").text
