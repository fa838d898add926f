"""Pages in a real browser, one for the whole session: two that are driven from one thread do not go together."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from derivs.sheet.blocks import Document
from derivs.sheet.html import html

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
RENDERED = """() => new Promise((done, fail) => {
  const look = () => !document.querySelector(".tex:not(.rendered)") ? done()
    : performance.now() > 20000 ? fail(new Error("formulas are not rendered")) : setTimeout(look, 10);
  look(); })"""
CONTRAST = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => channels(colour).slice(0, 3).map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (channels(colour)[3] !== 0) return colour;
    }
  };
  const worst = {};
  for (const node of document.querySelectorAll("body *:not(.unseen, script, .katex *)")) {
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) continue;
    const [a, b] = [getComputedStyle(node).color, behind(node)].map(luminance).sort((a, b) => b - a);
    worst[node.tagName + "." + node.className] = (a + 0.05) / (b + 0.05);
  }
  return worst; }"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install 'derivs[test]'")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@dataclass
class Opened:
    """A page, and what went wrong on it."""

    page: Page
    complaints: list[str]
    requests: list[str]

    def close(self) -> None:
        """Nothing was complained about, and nothing fetched."""
        self.page.context.close()
        assert self.complaints == []
        assert [url for url in self.requests if not url.startswith(("file:", "data:"))] == []


def opened(browser: Browser, path: Path, sheet: Document, *, width: int = 1280, before: str = "",
           rendered: bool = True, **options: Any) -> Opened:
    """The sheet, opened from a file. before: a script that runs before those of the page."""
    path.write_text(html(sheet), encoding="utf-8")
    page = browser.new_context(viewport={"width": width, "height": 800}, **options).new_page()
    new = Opened(page, [], [])
    page.set_default_timeout(10_000)
    page.on("console", lambda message: new.complaints.append(message.text))
    page.on("pageerror", lambda error: new.complaints.append(str(error)))
    page.on("request", lambda request: new.requests.append(request.url))
    if before:
        page.add_init_script(before)
    page.goto(path.as_uri())
    if rendered:
        page.evaluate(RENDERED)
    return new


Open = Callable[..., "Page"]


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a page that the test may change."""
    pages: list[Opened] = []

    def open_page(sheet: Document, **options: Any) -> Page:
        pages.append(opened(browser, tmp_path / f"{len(pages)}.html", sheet, **options))
        return pages[-1].page

    yield open_page
    for each in pages:
        each.close()
