#!/usr/bin/env python3
"""Opens pages that `memwall run --html` wrote in headless Chromium and checks what only a browser can tell.

Usage, from the repository root:
    memwall run scenarios/tutorial/first_run.yaml --html report.html
    python3 scripts/check_page.py report.html [more pages] [--screenshots FOLDER]

Needs Debian's `chromium` (or another one, named by CHROMIUM) and `pip install playwright`; without them it says so
and exits with 0, so that nothing depends on a browser being there. Checked, in light and dark, at 1200 and 390 pixels:
no message on the console, no request to anywhere, first paint under two seconds, every chart visible, no part wider
than the window, and that the keyboard reaches the charts and asks their marks.
"""

import os
import pathlib
import shutil
import sys

MOST_BYTES = 6_000_000
MOST_PAINT_MS = 2000


def main():
    arguments = sys.argv[1:]
    folder = None
    if "--screenshots" in arguments:
        at = arguments.index("--screenshots")
        folder = pathlib.Path(arguments[at + 1])
        folder.mkdir(parents=True, exist_ok=True)
        del arguments[at : at + 2]
    browser = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sync_playwright = None
    if not browser or not sync_playwright:
        print("skipped: chromium and playwright are needed")
        return 0
    problems = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for name in arguments:
            for scheme in ("light", "dark"):
                for width in (1200, 390):
                    problems += check(chromium, pathlib.Path(name), scheme, width, folder)
        chromium.close()
    for problem in problems:
        print(f"error: {problem}")
    return 1 if problems else 0


def check(chromium, path, scheme, width, folder):
    """Everything about one page in one window."""
    where = f"{path.name}, {scheme}, {width} px"
    problems, requests = [], []
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.on("console", lambda message: problems.append(f"{where}: console {message.type}: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"{where}: {error}"))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.resolve().as_uri())
    paint = first_paint(page)
    size = path.stat().st_size
    page.evaluate("document.querySelectorAll('details.section').forEach((one) => { one.open = true; })")
    page.wait_for_timeout(300)
    if paint > MOST_PAINT_MS:
        problems.append(f"{where}: first paint after {paint:.0f} ms")
    if size > MOST_BYTES:
        problems.append(f"{where}: {size} bytes")
    outside = [url for url in requests if not url.startswith(("file:", "data:"))]
    if outside or len(requests) > 1 + sum(url.startswith("data:") for url in requests):
        problems.append(f"{where}: loads {requests[1:]}")
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        problems.append(f"{where}: {wide} pixels wide")
    charts = page.locator("figure.chart")
    for number in range(charts.count()):
        chart = charts.nth(number)
        drawn = chart.locator("svg:visible, canvas:visible")
        if drawn.count() != 1 or drawn.bounding_box()["height"] < 40:
            problems.append(f"{where}: {chart.get_attribute('id')} is not to be seen")
    problems += [f"{where}: {problem}" for problem in keyboard(page)]
    if folder:
        page.screenshot(path=folder / f"{path.stem}-{scheme}-{width}.png", full_page=True)
    print(f"{where}: {charts.count()} charts, {size / 1e6:.2f} MB, first paint after {paint:.0f} ms")
    page.close()
    return problems


def first_paint(page):
    """Milliseconds until something of the page was to be seen; infinity where nothing is after ten seconds."""
    for _ in range(100):
        entries = page.evaluate("performance.getEntriesByName('first-contentful-paint').map((one) => one.startTime)")
        if entries:
            return entries[0]
        page.wait_for_timeout(100)
    return float("inf")


def keyboard(page):
    """What the tab key reaches, and what the arrows do there."""
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.className")
    if first != "skip":
        yield f"the first tab stop is `{first}`, not the link that skips to the results"
    page.keyboard.press("Enter")
    if page.evaluate("document.activeElement.id") != "main":
        yield "the skip link does not lead to the results"
    reached = 0
    for _ in range(400):
        page.keyboard.press("Tab")
        place = page.evaluate("document.activeElement.className + ' ' + (document.activeElement.closest('figure')?.dataset.kind || '')")
        if place.startswith("picture"):
            reached += 1
            before = page.evaluate("document.activeElement.querySelectorAll('.mark.on').length")
            page.keyboard.press("ArrowRight")
            after = page.evaluate("document.activeElement.querySelectorAll('.mark.on').length")
            words = page.evaluate("document.getElementById('tip').textContent")
            has_marks = page.evaluate("document.activeElement.querySelectorAll('.mark').length") > 0
            if "timeline" not in place and has_marks and (before, after) != (0, 1):
                yield f"arrow keys choose no mark of a {place}"
            if "timeline" not in place and has_marks and not words:
                yield f"nothing is said of a mark of a {place}"
        if place.strip() == "" and reached:
            break
    if not reached and page.locator(".picture").count():
        yield "the tab key reaches no chart"


if __name__ == "__main__":
    sys.exit(main())
