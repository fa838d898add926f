"""The HTML page in a real browser: all formulas rendered, nothing fetched, usable by keyboard, on a phone, on paper."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import examples
import pytest
from browsing import CONTRAST, Open, Opened, opened

from derivs.box import EQUALS, Letter, Row
from derivs.lines import Line
from derivs.report import Words
from derivs.sheet.blocks import Code, Display, Document, Heading, Prose, Result, Section, Space, Steps, Stride
from derivs.sheet.document import document
from derivs.sheet.html import html

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MADE = {"batchnorm": examples.batchnorm, "convolution": examples.convolution, "hostile": examples.hostile}


# ---- the sheets ------------------------------------------------------------------------------------------------------

x, y, z = map(Letter, "xyz")
CHAIN = (
    Stride(("the definition",), (Line(x, EQUALS, y),), Words("good", "Proved for every size", "where y > 0")),
    Stride(("one step on",), (Line(None, EQUALS, z, under=x),), Words("open", "Not proved", "5 points")),
    Stride((), (Line(None, EQUALS, y), Line(None, None, z)), None),
)
WIDE = Line(x, EQUALS, Row((y, z) * 60))


def every_block() -> Document:
    """A sheet by hand with every block on it, and all that a header and a footer can say."""
    blocks = (Heading(("Part ", x)), Prose(("Some ", y, " & <more>.")), Display((WIDE,)), Steps(("Derivation",), CHAIN),
              Result(("so",), (Line(x, EQUALS, z),), (Stride(("in other words",), (Line(None, EQUALS, y, under=x),)),)),
              Code("long = " + "1 + " * 80 + "1"), Space(4))
    sections = tuple(Section(f"{k}_part", f"Part {k}", "A book", blocks) for k in range(1, 4))
    return Document("Every block", sections, "2026-11-21", "Machine learning", "A. Lecturer", ("Made by derivs.",))


def all_made() -> Document:
    return document([make() for make in MADE.values()])


def thirty() -> Document:
    """As many exercises as a term has, so that most formulas wait for the reader."""
    blocks = (*(Display(stride.lines) for stride in CHAIN), Steps(("Derivation",), CHAIN), Space(20))
    return Document("A term", tuple(Section(f"{k}_exercise", f"Exercise {k}", "", blocks) for k in range(1, 31)))


SHEETS: dict[str, Callable[[], Document]] = {"made": all_made, "every_block": every_block}


# ---- the pages -------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def shown(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Page]]:
    """Each of the sheets, opened once, as it is when it is opened."""
    pages: dict[str, Opened] = {}

    def show(name: str) -> Page:
        if name not in pages:
            pages[name] = opened(browser, tmp_path_factory.mktemp("page") / f"{name}.html", SHEETS[name]())
        page = pages[name].page
        page.set_viewport_size({"width": 1280, "height": 800})
        page.emulate_media(media="screen", color_scheme="light", reduced_motion="no-preference")
        page.evaluate("""() => { document.activeElement.blur(); scrollTo(0, 0);
            for (const details of document.querySelectorAll("details")) details.open = true; }""")
        return page

    yield show
    for each in pages.values():
        each.close()


@pytest.fixture(params=SHEETS)
def page(request: pytest.FixtureRequest, shown: Callable[[str], Page]) -> Page:
    """Each of the sheets."""
    return shown(request.param)


@pytest.fixture
def every(shown: Callable[[str], Page]) -> Page:
    """The sheet with every block."""
    return shown("every_block")


# ---- the file --------------------------------------------------------------------------------------------------------

class _Tags(HTMLParser):
    """Tags, and what a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.fetched += [value or "" for name, value in attrs if name == "src" or (name == "href" and tag != "a")]


@pytest.mark.parametrize("sheet", SHEETS)
def test_html_fetches_nothing_and_runs_our_two_scripts_only(sheet: str) -> None:
    tags = _Tags()
    text = html(SHEETS[sheet]())
    tags.feed(text)
    assert tags.tags.count("script") == 2 and tags.fetched == [] and tags.handlers == []
    assert not re.search(r"url\((?!data:)", text)
    assert "<script>alert" not in text


def test_the_policy_allows_no_script_but_the_two() -> None:
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html(every_block()))
    assert found
    policy = dict(rule.split(maxsplit=1) for rule in found[1].split("; "))
    assert policy["default-src"] == "'none'"
    assert re.fullmatch(r"'sha256-\S+' 'sha256-\S+'", policy["script-src"])


def test_the_licence_of_katex_is_there() -> None:
    folder = Path(__file__).parents[1] / "derivs" / "sheet" / "katex"
    assert "MIT License" in (folder / "LICENSE").read_text()


def test_what_is_copied_has_its_left_side_and_only_the_alignment_that_it_needs() -> None:
    copied = re.findall(r'data-latex="([^"]*)"', html(Document("", (Section("s", "", "", (Steps((), CHAIN),)),))))
    assert copied == ["x = y", "x = z", "\\begin{aligned}\nx &amp;= y \\\\\n&amp;\\quad {} z\n\\end{aligned}"]


# ---- formulas --------------------------------------------------------------------------------------------------------

def test_every_formula_is_rendered_and_none_is_red(page: Page) -> None:
    formulas = page.locator(".tex").count()
    assert formulas > 20
    assert page.locator(".tex > .katex, .tex > .katex-display > .katex").count() == formulas
    assert page.locator(".katex-error").count() == 0


def test_hostile_text_runs_nothing(open_page: Open) -> None:
    page = open_page(document([examples.hostile()]))
    assert "<script>alert(1)" in page.locator("main").inner_text()
    assert page.locator("script").count() == 2


def test_a_long_page_shows_its_first_screen_before_it_has_rendered_the_rest(open_page: Open) -> None:
    page = open_page(thirty(), rendered=False,
                     before="window.requestIdleCallback = (work) => { window.later = work; }")
    waiting = page.locator(".tex:not(.rendered)").count()
    assert waiting > 100
    assert page.evaluate("""[...document.querySelectorAll(".tex:not(.rendered)")]
        .every((formula) => formula.getBoundingClientRect().top > innerHeight)""")
    page.evaluate("location.hash = '#30_exercise'")
    page.locator("section:last-child .tex.rendered").first.wait_for()
    assert page.locator(".tex:not(.rendered)").count() > 50
    page.evaluate("window.later({timeRemaining: () => 100})")
    assert page.locator(".tex:not(.rendered)").count() == 0


def test_a_long_page_is_rendered_before_it_is_printed(open_page: Open) -> None:
    page = open_page(thirty(), rendered=False, before="window.requestIdleCallback = () => {}")
    _on(page, "print")
    assert page.locator(".tex:not(.rendered)").count() == 0


def test_formulas_are_read_aloud_as_mathml(page: Page) -> None:
    assert page.locator(".tex math").count() == page.locator(".tex").count()


def test_without_scripts_the_page_shows_latex_and_no_buttons(open_page: Open) -> None:
    page = open_page(every_block(), rendered=False, java_script_enabled=False)
    assert "x &= y" in page.locator(".result, .steps").first.inner_text()
    assert page.locator("button:visible").count() == 0
    assert page.locator("main").is_visible()


# ---- folding ---------------------------------------------------------------------------------------------------------

def test_steps_fold_by_mouse_and_by_keyboard(every: Page) -> None:
    steps, summary = every.locator("details.steps").first, every.locator("details.steps summary").first
    assert "Derivation (3 steps)" in summary.inner_text()
    inside = steps.locator(".math").first
    assert inside.is_visible()
    summary.click()
    assert not inside.is_visible()
    summary.focus()
    every.keyboard.press("Enter")
    assert inside.is_visible()
    every.keyboard.press("Space")
    assert not inside.is_visible()


def test_all_steps_fold_and_unfold_at_once(every: Page) -> None:
    every.get_by_role("button", name="Fold all", exact=True).click()
    assert every.locator("details[open]").count() == 0
    every.get_by_role("button", name="Unfold all").click()
    assert every.locator("details[open]").count() == 3


# ---- copying ---------------------------------------------------------------------------------------------------------

NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', {value: undefined});"
REFUSED = "navigator.clipboard.writeText = () => Promise.reject(new DOMException('no', 'NotAllowedError'));"


@pytest.mark.parametrize("before", ["", NO_CLIPBOARD, REFUSED], ids=["clipboard", "missing", "refused"])
def test_copying_by_keyboard_and_by_mouse(before: str, open_page: Open) -> None:
    page = open_page(every_block(), before=before, permissions=["clipboard-read", "clipboard-write"])
    second = page.locator(".steps .math").nth(1).get_by_role("button")
    assert second.get_attribute("aria-label") == "Copy LaTeX of formula 3"
    second.focus()
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("LaTeX copied").wait_for(state="attached")
    assert _pasted(page) == "x = z"
    third = page.locator(".steps .math").nth(2)
    third.hover()
    third.get_by_role("button").click()
    page.locator(".copy.done >> nth=1").wait_for()
    assert _pasted(page) == "\\begin{aligned}\nx &= y \\\\\n&\\quad {} z\n\\end{aligned}"
    assert page.evaluate("document.querySelectorAll('body > textarea:not(#pasted)').length") == 0


def _pasted(page: Page) -> str:
    """What the clipboard holds, by pasting it, and the focus back where it was."""
    page.evaluate("""() => { window.was = document.activeElement; const area = document.createElement("textarea");
        area.id = "pasted"; document.body.append(area); area.focus({preventScroll: true}); }""")
    page.keyboard.press("Control+V")
    return str(page.evaluate("""() => { const area = document.getElementById("pasted"); const text = area.value;
        area.remove(); window.was.focus(); return text; }"""))


def test_the_focus_stays_on_the_button_and_a_refusal_is_said(open_page: Open) -> None:
    page = open_page(every_block(), before=NO_CLIPBOARD + "document.execCommand = () => false;")
    button = page.locator(".copy").first
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("does not let this page copy").wait_for(state="attached")
    assert button.evaluate("(button) => button === document.activeElement")


def test_the_copy_button_is_seen_on_focus_on_hover_and_on_touch(every: Page, open_page: Open) -> None:
    every.emulate_media(reduced_motion="reduce")
    button, opacity = every.locator(".copy").nth(2), "(button) => getComputedStyle(button).opacity"
    assert button.evaluate(opacity) == "0"
    button.focus()
    assert button.evaluate(opacity) == "1"
    button.blur()
    every.locator(".math").nth(2).hover()
    assert button.evaluate(opacity) == "1"
    phone = open_page(every_block(), width=360, has_touch=True, is_mobile=True)
    assert phone.locator(".copy").nth(2).evaluate(opacity) == "1"
    box = phone.locator(".copy").nth(2).bounding_box()
    assert box and box["width"] >= 24 and box["height"] >= 24                # WCAG 2.2, 2.5.8


# ---- colours ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("colours", ["light", "dark"])
def test_contrast(colours: Literal["light", "dark"], page: Page) -> None:
    page.emulate_media(color_scheme=colours)
    worst = page.evaluate(CONTRAST)
    assert len(worst) > 8
    assert {name: ratio for name, ratio in worst.items() if ratio < 4.5} == {}       # WCAG AA
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, re.findall(r"\d+", background)[:3])) < 60) == (colours == "dark")


def test_the_reader_chooses_the_colours_and_the_page_remembers(open_page: Open) -> None:
    page = open_page(every_block(), color_scheme="dark")
    button = page.get_by_role("button", name="Dark")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert _scheme(page) == "light" and button.get_attribute("aria-pressed") == "false"
    page.reload()
    assert _scheme(page) == "light"
    page.get_by_role("button", name="Dark").click()
    assert _scheme(page) == "dark"


NO_STORAGE = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no storage'); }})"


def test_colours_change_where_there_is_no_storage(open_page: Open) -> None:
    page = open_page(every_block(), before=NO_STORAGE)
    page.get_by_role("button", name="Dark").click()
    assert _scheme(page) == "dark"


def _scheme(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.documentElement).colorScheme"))


# ---- layout ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("width", [360, 800, 1280])
def test_the_page_never_scrolls_sideways(width: int, page: Page) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [360, 1280])
def test_a_wide_formula_scrolls_in_its_box_and_is_reached_by_keyboard(width: int, every: Page) -> None:
    every.set_viewport_size({"width": width, "height": 800})
    box = every.locator(".scroll").first
    every.locator(".scroll[tabindex='0']").first.wait_for()
    assert box.get_attribute("tabindex") == "0"
    box.focus()
    every.keyboard.press("ArrowRight")
    box.evaluate("(box) => new Promise((done) => box.scrollLeft ? done() : box.addEventListener('scroll', done))")
    box.evaluate("(box) => box.scrollTo(0, 0)")
    assert every.locator(".result .scroll").first.get_attribute("tabindex") is None      # what fits is no stop


def test_the_contents_stand_beside_the_text_and_follow_it(open_page: Open) -> None:
    page = open_page(thirty(), rendered=False)
    page.evaluate("location.hash = '#20_exercise'")
    page.locator("nav a[aria-current][href='#20_exercise']").wait_for()
    link, text = page.locator("nav a[aria-current]").bounding_box(), page.locator("main").bounding_box()
    assert link and text and 0 < link["y"] < 800 and link["x"] + link["width"] <= text["x"] + 20
    page.set_viewport_size({"width": 360, "height": 800})
    page.get_by_role("link", name="Contents").click()
    assert page.locator("nav").evaluate("(nav) => nav.getBoundingClientRect().top") >= 0


# ---- who cannot see it, or uses no mouse -----------------------------------------------------------------------------

def test_landmarks_names_headings_and_ids(page: Page) -> None:
    assert page.locator("html").get_attribute("lang") == "en"
    for landmark in ("banner", "main", "navigation"):
        assert page.get_by_role(landmark).count() == 1
    assert page.evaluate("""[...document.querySelectorAll("button, a, summary, details")]
        .filter((node) => !(node.getAttribute("aria-label") || node.innerText || node.textContent).trim())""") == []
    labels = page.evaluate("[...document.querySelectorAll('.copy')].map((button) => button.getAttribute('aria-label'))")
    assert len(set(labels)) == len(labels) > 3
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map((node) => Number(node.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(set(ids)) == len(ids)
    assert page.evaluate("""[...document.querySelectorAll("[aria-labelledby], a[href^='#']")].every((node) =>
        document.getElementById(node.getAttribute("aria-labelledby") || node.getAttribute("href").slice(1)))""")
    assert page.evaluate("""[...document.querySelectorAll("body > *:not(script, .skip, [role=status])")]
        .every((node) => node.matches("header, nav, main, footer, [role=region]"))""")


def test_the_first_tab_stop_skips_to_the_exercises(open_page: Open) -> None:
    page = open_page(every_block())
    page.keyboard.press("Tab")
    link = page.locator("a.skip")
    assert link.evaluate("(link) => link === document.activeElement && link.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "page-main"


def test_the_focus_is_seen(every: Page) -> None:
    for _ in range(12):
        every.keyboard.press("Tab")
        style = every.evaluate("(({outlineStyle, outlineWidth}) => [outlineStyle, outlineWidth])"
                              "(getComputedStyle(document.activeElement))")
        assert style == ["solid", "3px"]


def test_a_tick_has_words_and_what_is_not_established_says_so(every: Page) -> None:
    steps = every.locator(".steps").first
    assert steps.get_by_role("img", name="Proved for every size: where y > 0").inner_text() == "✓"
    assert "Not proved: 5 points" in steps.inner_text()
    assert steps.get_by_role("listitem").count() >= 3


def test_nothing_moves_for_who_wants_no_motion(every: Page) -> None:
    every.emulate_media(reduced_motion="reduce")
    assert every.locator(".copy").first.evaluate("(button) => getComputedStyle(button).transitionDuration") == "0s"


# ---- header, footer, paper -------------------------------------------------------------------------------------------

def test_header_footer_and_room_to_write(every: Page) -> None:
    assert every.get_by_role("banner").inner_text().split("\n\n") == [
        "Machine learning", "Every block", "A. Lecturer · 2026-11-21"]
    assert every.get_by_role("contentinfo").inner_text() == "Made by derivs."
    space = every.get_by_role("img", name="Room for your answer, 4 lines").first
    box = space.bounding_box()
    assert box and box["height"] > 4 * 28
    assert space.locator("div").first.evaluate("(line) => getComputedStyle(line).borderBottomWidth") == "1px"


def test_on_paper_all_steps_are_open_and_no_button_is_left(every: Page) -> None:
    every.emulate_media(color_scheme="dark")
    every.get_by_role("button", name="Fold all", exact=True).click()
    every.locator("details.steps summary").nth(1).click()
    _on(every, "print")
    assert every.locator("details:not([open])").count() == 0
    assert every.locator("button:visible, nav:visible, .skip:visible").count() == 0
    for part in ("h1", "h2", "h3", ".math", ".result", ".marks", "footer", ".space", "pre"):
        assert all(found.is_visible() for found in every.locator(part).all()), part
    assert every.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert every.locator(".result").first.evaluate("(box) => getComputedStyle(box).breakInside") == "avoid"
    assert every.locator("h3").first.evaluate("(head) => getComputedStyle(head).breakAfter") == "avoid"
    _on(every, "screen")
    assert every.locator("details[open]").count() == 1                       # as the reader left them


def test_steps_are_opened_for_the_printer_and_folded_again(open_page: Open) -> None:
    """By the events of a real print, in a browser that does not tell when the medium changes."""
    page = open_page(every_block(), before="matchMedia = () => ({addEventListener() {}, matches: false});")
    page.get_by_role("button", name="Fold all", exact=True).click()
    page.evaluate("""addEventListener("beforeprint", () => {
        window.printed = document.querySelectorAll("details[open]").length; })""")
    assert page.pdf().startswith(b"%PDF")
    assert page.evaluate("[window.printed, document.querySelectorAll('details[open]').length]") == [3, 0]


def _on(page: Page, medium: Literal["print", "screen"]) -> None:
    """Shown as on paper or on a screen, once the page has heard of it."""
    page.emulate_media(media=medium)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
