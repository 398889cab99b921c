"""The page in a real browser, in front of the real service."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.e2e.stage import ROOT, mention

pytestmark = pytest.mark.browser
HAN = re.compile(r"[\u4e00-\u9fff]")
BRAND = "/#/brands/xingtu"
CHARTS = ROOT / "build/assets/instaui_echarts/static/echarts.esm.min.js"


def width_beyond_screen(page):
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


def alert_of(stage, rules=("spike", "share")):
    alerts = stage.call("GET", "/alerts?brand=xingtu&limit=100")["items"]
    return next(alert for alert in alerts if alert["rule"] in rules)


def test_it_lets_a_person_in_and_shows_the_brand_in_trouble_first(watched):
    page = watched.enter(watched.fresh())
    first = page.locator(".card").first
    expect(first).to_contain_text("星途汽车")
    expect(first.locator(".level")).to_have_text(re.compile("[蓝黄橙红]色预警"))
    expect(first).to_contain_text("口碑指数")
    expect(first.locator(".spark path")).to_have_count(2)
    first.click()
    expect(page.locator("h1")).to_have_text("星途汽车")


def test_it_says_what_is_wrong_with_a_key(watched):
    watched.expected = "status of 401"
    page = watched.fresh()
    page.goto(watched.stage.url)
    page.fill("#key", "tf_wrong")
    page.click("button[type=submit]")
    expect(page.locator(".problem")).to_have_text("密钥无效、已过期或已撤销")


def test_it_keeps_the_key_out_of_the_browser(watched):
    page = watched.enter(watched.fresh())
    key = watched.stage.keys["manage"]
    kept = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    assert key not in kept + page.url
    [cookie] = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"


def test_signing_out_ends_the_session(watched):
    page = watched.enter(watched.fresh())
    page.get_by_role("button", name="退出").click()
    expect(page.locator("#key")).to_be_visible()
    page.reload()
    expect(page.locator("#key")).to_be_visible()
    assert page.context.cookies() == []


def test_a_session_that_ended_leads_back_to_signing_in(watched):
    watched.expected = "status of 401"
    page = watched.enter(watched.fresh())
    page.context.clear_cookies()
    page.get_by_role("button", name="30 天").click()
    expect(page.locator("#key")).to_be_visible()


def test_every_metric_shows_its_value_sample_and_formula(watched):
    page = watched.open(path=BRAND)
    page.wait_for_selector(".metric")
    answered = watched.stage.call("GET", "/brands/xingtu/indices")["indices"]
    assert page.locator(".metric").count() == len(answered)
    tile = page.locator(".metric", has_text="负面占比").first
    expect(tile.locator("strong")).to_have_text(re.compile(r"^\d+\.\d%$"))
    tile.focus()
    expect(tile.get_by_role("tooltip")).to_be_visible()
    expect(tile.get_by_role("tooltip")).to_contain_text("Wilson")
    expect(tile.get_by_role("tooltip")).to_contain_text(re.compile(r"n = \d+"))


def test_it_finds_what_people_say_about_brakes(watched):
    page = watched.open(path=BRAND)
    page.wait_for_selector(".mention:not(.waiting)")
    with page.expect_response(lambda given: "q=" in given.url):
        page.get_by_role("searchbox").fill("刹车")
    page.wait_for_selector(".mentions:not([aria-busy])")
    expect(page.locator(".mention").first).to_contain_text("刹车")
    page.wait_for_function(
        "[...document.querySelectorAll('.mention')].every((m) => m.innerText.includes('刹车'))"
    )
    assert page.locator(".mention").count() == 20
    assert page.locator(".mention mark.negative").count() > 0
    assert "刹车" not in page.url
    assert "%E5%88%B9" not in page.url
    page.get_by_role("button", name="加载更多").click()
    expect(page.locator(".mention")).to_have_count(40)


def test_it_filters_by_sentiment_and_platform(watched):
    page = watched.open(path=BRAND)
    page.get_by_role("group", name="情感").get_by_role("button", name="正面").click()
    page.wait_for_selector(".mentions:not([aria-busy])")
    assert set(page.locator(".mention .label").all_inner_texts()) == {"正面"}
    page.get_by_role("combobox", name="平台").select_option(label="小红书")
    page.wait_for_selector(".mentions:not([aria-busy])")
    page.wait_for_function(
        "[...document.querySelectorAll('.mention header')]"
        ".every((head) => head.innerText.includes('小红书'))"
    )
    assert page.locator(".mention").count() > 0


def test_nothing_found_leads_back_to_everything(watched):
    page = watched.open(path=BRAND)
    page.get_by_role("searchbox").fill("量子纠缠冰淇淋")
    page.get_by_role("button", name="清除筛选").click()
    expect(page.locator(".mention:not(.waiting)")).to_have_count(20)


@pytest.mark.skipif(not CHARTS.exists(), reason="needs ECharts: make assets")
def test_the_trend_is_drawn(watched):
    page = watched.open(path=BRAND)
    page.wait_for_selector(".chart canvas")
    colours = page.evaluate(
        """() => {
          const canvas = document.querySelector('.chart canvas');
          const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
          const seen = new Set();
          for (let i = 0; i < data.length; i += 4) seen.add(data.slice(i, i + 3).join());
          return [...seen];
        }"""
    )
    # Negative, positive: the colours of the style sheet.
    assert {"138,63,158", "42,138,87"} <= set(colours)


def test_without_charts_the_figures_stand_in_a_table(watched):
    watched.expected = "net::ERR_FAILED"
    page = watched.fresh()
    page.route("**/echarts.js", lambda route: route.abort())
    watched.enter(page, "read")
    page.locator(".card").first.click()
    expect(page.locator(".no-chart")).to_contain_text("未安装图表组件")
    expect(page.locator("details.table tbody tr").first).to_be_visible()


def test_somebody_takes_an_alert_on_and_ends_it(watched):
    alert = alert_of(watched.stage)
    page = watched.open(path=f"/#/alerts/{alert['id']}")
    expect(page.locator("h1")).to_contain_text(alert["summary"]["zh"].partition("10^")[0])
    expect(page.locator(".due .clock")).to_have_text(re.compile(r"^\d+:\d\d:\d\d$"))
    expect(page.locator(".quote").first).to_contain_text("刹车")
    page.locator("#note").fill("已联系售后总监")
    page.get_by_role("button", name="确认接手").click()
    expect(page.locator(".alert-line")).to_contain_text("已接手")
    expect(page.locator(".timeline")).to_contain_text("已联系售后总监")
    page.get_by_role("button", name="标为已解决").click()
    expect(page.locator(".alert-line")).to_contain_text("已解决")
    held = watched.stage.call("GET", f"/alerts/{alert['id']}")
    assert held["state"] == "resolved"
    assert [e["action"] for e in held["timeline"]][-2:] == ["acknowledged", "resolved"]
    page.get_by_role("button", name="重新打开").click()
    expect(page.locator(".alert-line")).to_contain_text("待处理")
    expect(page.locator(".due .clock")).to_be_visible()


def test_a_draft_of_a_note_survives_the_next_answer(watched):
    alert = alert_of(watched.stage, ["risk"])
    page = watched.open(path=f"/#/alerts/{alert['id']}")
    page.locator("#note").fill("还没写完")
    watched.stage.call("POST", f"/alerts/{alert['id']}/note", {"note": "另一位同事的备注"})
    watched.nudge(page)
    expect(page.locator(".timeline")).to_contain_text("另一位同事的备注")
    expect(page.locator("#note")).to_have_value("还没写完")
    expect(page.locator("#note")).to_be_focused()


def test_a_link_from_a_message_leads_to_its_alert(watched):
    alert = alert_of(watched.stage)
    page = watched.open(path=f"/#/alerts/{alert['id']}")
    expect(page.locator("h1")).to_contain_text(alert["summary"]["zh"].partition("10^")[0])


def test_a_reader_sees_alerts_but_no_buttons(watched):
    alert = alert_of(watched.stage, ["risk"])
    page = watched.open(key="read", path=f"/#/alerts/{alert['id']}")
    expect(page.locator(".actions")).to_contain_text("manage")
    assert page.locator(".actions button").count() == 0


def test_the_language_is_switched_and_remembered(watched):
    page = watched.open(path=BRAND)
    page.get_by_role("button", name="English").click()
    expect(page.locator("nav")).to_have_text("OverviewAlertsAPI")
    page.reload()
    expect(page.get_by_role("button", name="中文")).to_be_visible()
    page.wait_for_selector(".metric")
    own = page.locator("nav, .choices, .panel h2, .panel h3, .metric, .platforms, .legend, .back")
    left = [text for text in own.all_inner_texts() if HAN.search(text)]
    assert left == []
    assert page.evaluate("document.documentElement.lang") == "en"


def test_the_chinese_page_says_nothing_in_english_alone(watched):
    page = watched.open(path=BRAND)
    page.wait_for_selector(".metric")
    names = page.locator(".panel h2, .panel h3, .metric .name, .platform span, .legend span")
    assert [text for text in names.all_inner_texts() if not HAN.search(text)] == []


@pytest.mark.parametrize("width", [390, 320])
def test_it_fits_a_phone(watched, width):
    alert = alert_of(watched.stage)
    page = watched.open(viewport={"width": width, "height": 800})
    for path in ("/#/", BRAND, "/#/alerts", f"/#/alerts/{alert['id']}", "/docs"):
        page.goto(watched.stage.url + path)
        page.wait_for_selector(".card:not(.waiting), .metric, .alert, .timeline li, .operation")
        assert width_beyond_screen(page) <= 0, path


def test_the_theme_follows_the_system_and_the_switch(watched):
    page = watched.open(color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="浅色").click()
    assert page.evaluate(ground) != dark
    page.reload()
    page.wait_for_selector(".card:not(.waiting)")
    assert page.evaluate(ground) != dark


def test_it_can_be_used_without_a_mouse(watched):
    page = watched.open()
    # The grey shapes that stand in for cards until the first answer are no links.
    page.locator("a.card").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("星途汽车")
    page.get_by_role("button", name="24 小时").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="24 小时")).to_have_attribute("aria-pressed", "true")


def test_the_focus_stays_where_it_is_when_a_card_is_drawn_anew(watched):
    page = watched.open()
    card = page.locator("a.card", has_text="星途汽车")
    card.focus()
    before = card.element_handle()
    watched.stage.call("POST", "/mentions", [mention(5101, "星途又上新闻了", int(time.time()))])
    watched.nudge(page)
    page.wait_for_function("(card) => !card.isConnected", arg=before)
    expect(card).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("星途汽车")


def test_the_focus_stays_on_a_source_while_an_alert_is_drawn_anew(watched):
    alert = alert_of(watched.stage, ["risk"])
    page = watched.open(path=f"/#/alerts/{alert['id']}")
    source = page.locator(".quote .outside").first
    source.focus()
    watched.stage.call("POST", f"/alerts/{alert['id']}/note", {"note": "请看第一条原文"})
    watched.nudge(page)
    expect(page.locator(".timeline")).to_contain_text("请看第一条原文")
    expect(source).to_be_focused()


def test_a_new_mention_appears_by_itself(watched):
    page = watched.open(path=BRAND)
    page.wait_for_selector(".mention:not(.waiting)")
    said = "刚刚提到星途新车，颜值真高"
    watched.stage.call("POST", "/mentions", [mention(5001, said, int(time.time()))])
    expect(page.locator(".mention").first).to_contain_text(said)


def test_what_did_not_change_is_not_sent_again(watched):
    page = watched.open(key="read")
    page.wait_for_selector(".card:not(.waiting)")
    # A new five minutes may begin just now: then the round after this one.
    with page.expect_response(lambda given: "/overview" in given.url and given.status == 304):
        watched.nudge(page)


def test_it_teaches_the_first_step_without_a_brand(watched):
    page = watched.open(key="nothing")
    expect(page.locator(".empty")).to_contain_text("还没有品牌")
    expect(page.locator(".empty code")).to_contain_text("/api/v1/brands")


def test_it_teaches_how_to_send_mentions_where_there_are_none(watched):
    page = watched.open(path="/#/brands/lanhai")
    expect(page.locator(".empty")).to_contain_text("这段时间还没有提及")
    expect(page.locator(".empty code")).to_contain_text("/api/v1/mentions")


def test_the_reference_shows_every_operation_with_an_example(watched):
    page = watched.fresh()
    page.goto(watched.stage.url + "/docs")
    page.wait_for_selector(".operation")
    spec = watched.stage.http.get(watched.stage.url + "/openapi.json", timeout=30).json()
    operations = sum(
        len(set(item) & {"get", "post", "put", "patch", "delete"})
        for item in spec["paths"].values()
    )
    assert page.locator(".operation").count() == operations
    assert page.locator(".operation .command").count() == operations
    page.get_by_role("searchbox").fill("/overview")
    expect(page.locator(".operation")).to_have_count(1)


COUNT_WAITING_BEATS = """
  window.beats = new Set();
  const [set, clear] = [window.setTimeout, window.clearTimeout];
  window.setTimeout = (action, delay, ...rest) => {
    const id = set(() => { window.beats.delete(id); action(); }, delay, ...rest);
    if (delay >= 5000) window.beats.add(id);
    return id;
  };
  window.clearTimeout = (id) => { window.beats.delete(id); clear(id); };
"""


def test_rounds_that_overlap_leave_one_beat(watched):
    page = watched.open(key="read")
    page.wait_for_selector(".card:not(.waiting)")
    page.add_init_script(COUNT_WAITING_BEATS)
    page.reload()
    page.wait_for_selector(".card:not(.waiting)")
    for _ in range(5):
        watched.nudge(page)
    page.wait_for_load_state("networkidle")
    page.wait_for_function("window.beats.size > 0")
    assert page.evaluate("window.beats.size") == 1
