"""Take the pictures of the documentation from a running service.

    python tests/e2e/screenshots.py http://127.0.0.1:8000 KEY [brand] [folder]

The brand is the most pressing one unless given; the folder is docs/images.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
DESKTOP = {"width": 1360, "height": 900}
PHONE = {"width": 390, "height": 844}
QUIET = ".waiting, [aria-busy]"


def sign_in(browser: Browser, url: str, key: str) -> dict[str, object]:
    """Return the state of a browser that is signed in."""
    page = browser.new_context(locale="zh-CN").new_page()
    page.goto(url)
    page.fill("#key", key)
    page.press("#key", "Enter")
    page.wait_for_selector(".card:not(.waiting)")
    return dict(page.context.storage_state())


def settle(page: Page, wanted: str) -> None:
    """Wait until everything that is coming has come."""
    page.wait_for_selector(wanted)
    expect(page.locator(QUIET)).to_have_count(0)
    page.wait_for_load_state("networkidle")


def take(url: str, key: str, brand: str | None, folder: Path) -> None:
    """Write overview, brand, alert, phone, dark and reference pictures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        state = sign_in(browser, url, key)

        def shoot(name: str, path: str, wanted: str, **options: object) -> Page:
            context = {"viewport": DESKTOP, "locale": "zh-CN", "device_scale_factor": 1.5}
            page = browser.new_context(storage_state=state, **{**context, **options}).new_page()
            page.goto(url + path)
            settle(page, wanted)
            page.screenshot(path=folder / f"{name}.png")
            return page

        overview = shoot("overview", "/", ".card")
        found = brand or overview.locator(".card").first.get_attribute("href").rsplit("/", 1)[-1]
        chosen = f"/#/brands/{found}"
        page = shoot("brand", chosen, ".mention", viewport={"width": 1360, "height": 1500})
        shoot("dark", chosen, ".mention", color_scheme="dark")
        shoot("phone", chosen, ".mention", viewport=PHONE, device_scale_factor=2)
        alerts = page.locator(".open-alerts .alert a")
        if alerts.count():
            shoot("alert", "/" + alerts.first.get_attribute("href"), ".timeline li")
        shoot("docs", "/docs", ".operation")
        browser.close()


if __name__ == "__main__":
    address, secret, *rest = sys.argv[1:]
    which = rest[0] if rest else None
    take(address.rstrip("/"), secret, which, Path(rest[1]) if rest[1:] else ROOT / "docs/images")
