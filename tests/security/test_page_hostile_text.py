"""Whatever people write stays text on the page."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from tests.e2e import stage as theatre

pytestmark = pytest.mark.browser

HOSTILE = [
    "星途<script>window.hacked=1</script>",
    '星途<img src=x onerror="window.hacked=1"><svg onload=window.hacked=1>',
    "星途\"><a href='javascript:window.hacked=1'>点我</a>",
    "星途{{7*7}}${7*7}{a|富文本}%{x}<%= 7*7 %>",
    '=HYPERLINK("http://evil.example","星途")',
    "星途\u202e反着写的字\u202c与\u2066隔离\u2069",
    "星途" + "超" * 400,
    "星途" + "W" * 3000,
    "星途" + "Z\u0301\u0302\u0303\u0304\u0305" * 80,
    "星途</textarea></title></style>--><!--<b>",
]
ADDRESSES = [
    "javascript:window.hacked=1",
    "data:text/html,<script>1</script>",
    "//x",
    "https://例子.example/<b>",
]
NAME = "星途<img src=x onerror=window.hacked=1>"


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with theatre.running(tmp_path_factory.mktemp("hostile")) as running:
        running.call("POST", "/brands", {"id": "xingtu", "name": NAME, "aliases": ["星途"]})
        now = int(time.time())
        rows = [
            theatre.mention(
                i, text, now - 60 * i - 600, title=text[:900], region=text[:60], platform="weibo",
                url=f"https://example.com/{i}?q=%22onmouseover=alert(1)",
            )
            for i, text in enumerate(HOSTILE)
        ]  # fmt: skip
        alarms = [
            theatre.mention(100 + i, f"{HOSTILE[0]} 刹车失灵，有人受伤 {i}", now - 900 + i)
            for i in range(40)
        ]
        running.call("POST", "/mentions", rows + alarms)
        running.look()
        yield running


@pytest.fixture(scope="module")
def browser():
    with theatre.browsing() as found:
        yield found


@pytest.fixture
def watched(browser, stage):
    with theatre.watching(browser, stage) as pages:
        yield pages


def harmless(page):
    assert page.evaluate("window.hacked") is None
    assert (
        page.evaluate("document.querySelectorAll('main script, main img, main iframe').length") == 0
    )
    addresses = page.evaluate("[...document.querySelectorAll('a[href]')].map((a) => a.href)")
    assert all(address.startswith(("http://", "https://")) for address in addresses)
    outside = page.locator("a[target=_blank]")
    for i in range(min(3, outside.count())):
        assert outside.nth(i).get_attribute("rel") == "noopener noreferrer"


def spoil(route):
    """Put hostile text into every text of an answer, past the service's own cleaning."""
    answer = route.fetch()
    page = answer.json()
    for item, text in zip(page["items"], HOSTILE, strict=False):
        item |= {"text": text, "title": text, "quoted": text, "region": text, "platform": text}
        item |= {"kind": text, "risks": [text], "url": ADDRESSES[len(text) % len(ADDRESSES)]}
        item["reading"]["cues"] = [
            {"field": "text", "start": 1, "end": 5, "text": text[1:5], "weight": -1},
            {"field": "text", "start": 3, "end": 10**9, "text": text, "weight": 1},
        ]
    route.fulfill(response=answer, json=page)


@pytest.mark.parametrize("width", [1280, 360])
def test_hostile_mentions_stay_text_and_break_no_layout(watched, width):
    page = watched.fresh(viewport={"width": width, "height": 900})
    page.route("**/xingtu/mentions?**", spoil)
    watched.enter(page, path="/#/brands/xingtu")
    page.wait_for_selector(".mention:not(.waiting)")
    shown = page.locator(".mention .said").evaluate_all("(all) => all.map((p) => p.textContent)")
    assert shown[: len(HOSTILE)] == HOSTILE
    harmless(page)
    assert page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )


def test_what_the_service_stored_of_it_is_harmless_too(watched):
    page = watched.open(path="/#/brands/xingtu")
    page.wait_for_selector(".mention:not(.waiting)")
    expect(page.locator(".mentions")).to_contain_text("{{7*7}}${7*7}{a|富文本}")
    harmless(page)


def test_a_hostile_brand_name_stays_text_on_the_overview(watched):
    page = watched.open()
    expect(page.locator(".card h2")).to_have_text(NAME)
    harmless(page)


def test_hostile_evidence_and_notes_stay_text_on_an_alert(watched):
    alert = watched.stage.call("GET", "/alerts?limit=1")["items"][0]
    for text in HOSTILE[:4]:
        watched.stage.call("POST", f"/alerts/{alert['id']}/note", {"note": text})
    page = watched.open(path=f"/#/alerts/{alert['id']}")
    expect(page.locator(".timeline")).to_contain_text("<svg onload=window.hacked=1>")
    expect(page.locator(".quote").first).to_contain_text("刹车失灵")
    harmless(page)


def test_a_hostile_address_of_the_page_runs_nothing(watched):
    watched.expected = "status of 4"
    page = watched.open()
    page.goto(watched.stage.url + "/#/brands/%3Cimg%20src=x%20onerror=window.hacked=1%3E")
    expect(page.locator("#offline")).to_be_visible()
    harmless(page)
