"""What a real Chromium makes of the page: its elements, its requests, its width on a phone."""

from __future__ import annotations

import html
import http.server
import os
import re
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from rendered_pages import PAGES
from report_samples import (
    HOSTILE_NAME,
    HOSTILE_TEXT,
    Document,
    hostile,
    no_evidence,
    recovered_java,
)
from trace_samples import hostile as hostile_run
from trace_samples import planted

from seedfleet.report import render_html, render_trace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.runtime]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
SCREENS = (320, 390, 780, 980, 1200)  # CSS pixels: two phones, a tablet, two windows
# Their elements are all on the pages of other runs too.
PARTS_OF_OTHERS = {"trace without_model", "trace only_recovered", "trace interrupted"}
# Notes on a frame how wide it is and which of its elements are wider inside than outside.
MEASURE = """
function measure(frame) {
  const root = frame.contentDocument.documentElement;
  const names = "article, section, caption, tbody th, td, li, dt, dd, p, pre, div, figure";
  const parts = [root, ...root.querySelectorAll(names)];
  frame.dataset.width = root.clientWidth;
  frame.dataset.wide = parts
    .filter(part => part.scrollWidth > part.clientWidth + 1)
    .map(part => part.tagName + " " + part.textContent.trim().slice(0, 40))
    .join("; ");
}
"""
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


class Browser:
    """A Chromium that starts with an empty profile for every page."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._pages = 0

    def elements(self, page: str, *, width: int = 1200) -> str:
        """Return the document that the browser has made of `page`, after its scripts."""
        self._pages += 1
        file = self._folder / f"{self._pages}.html"
        file.write_text(page, "utf-8")
        run = subprocess.run(
            [
                self._program,
                *FLAGS,
                f"--user-data-dir={self._folder / f'profile-{self._pages}'}",
                f"--window-size={width},900",
                "--virtual-time-budget=2000",  # milliseconds for loads, not waited for in real time
                "--dump-dom",
                file.as_uri(),
            ],
            capture_output=True,
            timeout=60,
            check=True,
        )
        return run.stdout.decode("utf-8")


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if program := shutil.which(name):
            return Browser(program, tmp_path)
    reason = "NOT TESTED IN A BROWSER: chromium is missing (Debian, Ubuntu: apt install chromium)"
    if os.environ.get("SEEDFLEET_REQUIRE_RUNTIMES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


class Trap(http.server.BaseHTTPRequestHandler):
    """Remembers every request, on the server object."""

    def do_GET(self) -> None:
        requested = self.server.requested  # type: ignore[attr-defined]  # set by the fixture
        requested.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        del format, args


@pytest.fixture
def trap() -> Iterator[tuple[str, list[str]]]:
    """Give the address of a web server on this machine and the list of what was asked of it."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Trap) as server:
        requested: list[str] = []
        server.requested = requested  # type: ignore[attr-defined]  # read by Trap
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", requested
        server.shutdown()
        thread.join()


def test_verdict_is_in_the_document(browser: Browser) -> None:
    elements = browser.elements(render_html(recovered_java()))
    assert (
        '<h1 id="verdict" data-verdict="recovered">'
        "Generator recovered: java.util.Random, seed 20150101</h1>"
    ) in elements
    assert elements.count('<circle class="hit"') == 61  # 60 draws and the legend's


def test_hostile_texts_stay_texts_and_ask_for_nothing(
    browser: Browser, trap: tuple[str, list[str]]
) -> None:
    address, requested = trap
    attack = f'"></style></title></svg><img src="{address}/a"><script src="{address}/b"></script>'
    document = hostile()
    _replace_texts(document, attack)
    elements = browser.elements(render_html(document))
    assert "<img" not in elements
    assert "<script" not in elements
    assert requested == []
    # The trap works: the same attack as markup is heard, once nothing forbids it.
    browser.elements(f"<!doctype html><p>{attack}")
    assert sorted(requested)[:2] == ["/a", "/b"]


def test_hostile_texts_of_a_run_stay_texts(browser: Browser, trap: tuple[str, list[str]]) -> None:
    address, requested = trap
    attack = f'"></style></title></svg><img src="{address}/a"><script src="{address}/b"></script>'
    page = render_trace(_attacked(hostile_run(), attack))
    assert html.escape(attack).replace("&quot;", "&#34;") in page
    elements = browser.elements(page)
    assert "<img" not in elements
    assert "<script" not in elements
    assert requested == []


def _attacked(value: Any, attack: str) -> Any:
    """Put `attack` in the place of every hostile text of a sample."""
    if isinstance(value, dict):
        return {_attacked(key, attack): _attacked(below, attack) for key, below in value.items()}
    if isinstance(value, list):
        return [_attacked(below, attack) for below in value]
    return attack if value in (HOSTILE_NAME, HOSTILE_TEXT) else value


def test_verdict_of_a_run_is_in_the_document(browser: Browser) -> None:
    elements = browser.elements(render_trace(planted()))
    assert (
        '<h1 id="verdict" data-verdict="recovered">Generator recovered: java_lcg, seed 1234</h1>'
    ) in elements


def _replace_texts(document: Document, attack: str) -> None:
    """Put `attack` wherever a text comes from outside."""
    for part in [
        document["history"],
        document["prior"],
        document["files"],
        document["versions"],
        *document["candidates"],
        *document["controls"],
    ]:
        for key, value in part.items():
            if isinstance(value, str) and key != "kind":
                part[key] = attack
    document["run_id"] = document["verdict_reason"] = document["started_utc"] = attack
    document["command"] = [attack]
    document["structure"]["text"] = attack


def test_policy_of_the_page_forbids_what_escaping_might_miss(
    browser: Browser, trap: tuple[str, list[str]]
) -> None:
    address, requested = trap
    leak = f'<img src="{address}/a"><script>fetch("{address}/b")</script></main>'
    page = render_html(recovered_java()).replace("</main>", leak)
    browser.elements(page)
    assert requested == []
    browser.elements(POLICY.sub("", page))
    assert "/a" in requested


@pytest.mark.parametrize("name", sorted(PAGES.keys() - PARTS_OF_OTHERS))
def test_everything_fits_the_screen(browser: Browser, name: str) -> None:
    page = html.escape(PAGES[name]().replace("<details>", "<details open>"))
    # A window cannot be as narrow as a phone, a frame can.
    frames = "".join(
        f'<iframe style="width: {width}px; border: 0" srcdoc="{page}" onload="measure(this)">'
        "</iframe>"
        for width in SCREENS
    )
    elements = browser.elements(f"<!doctype html><script>{MEASURE}</script>{frames}")
    measured = re.findall(r'data-width="(\d+)" data-wide="([^"]*)"', elements)
    assert dict(measured) == {str(width): "" for width in SCREENS}


def test_the_fit_is_really_measured(browser: Browser) -> None:
    page = html.escape('<!doctype html><table><tr><td><div style="width: 999px">wide')
    frame = f'<iframe style="width: 400px" srcdoc="{page}" onload="measure(this)"></iframe>'
    elements = browser.elements(f"<!doctype html><script>{MEASURE}</script>{frame}")
    assert 'data-wide="HTML' in elements


def test_no_evidence_reads_as_such(browser: Browser) -> None:
    elements = browser.elements(render_html(no_evidence()))
    assert ">No evidence of a generator in what was searched</h1>" in elements
