import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import BadRequest, InputError
from monitor.intake import (
    MAX_BATCH,
    chunks,
    decode,
    parse_count,
    parse_time,
    read_brand,
    validate,
)

NOW = 1_795_305_600
ROW = {"platform": "weibo", "id": "1", "text": "箱门松了", "published_at": NOW - 60}


@pytest.mark.parametrize(
    ("printed", "number"),
    [
        (0, 0),
        ("345", 345),
        ("1,234", 1234),
        ("1.2万", 12000),
        ("4.5w", 45000),
        ("3K", 3000),
        ("10+", 10),
        ("1千+", 1000),
        ("1万+", 10000),
        ("2亿", 200_000_000),
        (7.0, 7),
        (10**12 - 1, 10**12 - 1),
        (None, None),
        ("None", None),
        ("", None),
        ("赞", None),
        ("--", None),
    ],
)
def test_it_reads_a_counter_as_platforms_print_it(printed, number):
    assert parse_count(printed) == number


@pytest.mark.parametrize(
    "printed",
    [-1, True, 1.5, "很多", "-3", "1.2.3", "万", "9" * 400, 10**12, "1万亿", [], float("nan")],
)
def test_it_takes_nothing_else_for_a_counter(printed):
    with pytest.raises((ValueError, TypeError)):
        parse_count(printed)


@pytest.mark.parametrize(
    "written",
    [
        1787064000,
        1787064000000,
        "1787064000",
        "1787064000000",
        "2026-08-18T22:40:00+08:00",
        "2026-08-18T14:40:00Z",
        "2026-08-18 22:40:00+08:00",
        "2026-08-18 22:40",
        "2026/8/18 22:40",
        "2026/08/18 22:40:00",
        "2026年8月18日 22:40",
        "2026.8.18 22:40",
        " 2026-08-18 22:40:00 ",
    ],
)
def test_it_reads_a_time_in_every_usual_writing(written):
    assert parse_time(written) == 1787064000


def test_it_reads_a_day_as_its_beginning_in_shanghai():
    assert parse_time("2026/8/18") == parse_time("2026-08-18T00:00:00+08:00")


@pytest.mark.parametrize(
    "written", ["昨天 12:00", "", "2026-13-01", "2026/2/30 8:00", True, None, float("nan"), 10**16]
)
def test_it_takes_nothing_else_for_a_time(written):
    with pytest.raises((ValueError, TypeError)):
        parse_time(written)


@settings(deadline=None)
@given(st.text() | st.integers() | st.floats() | st.none() | st.binary())
def test_it_refuses_only_with_the_errors_it_names(value):
    for parse in (parse_count, parse_time):
        try:
            number = parse(value)
        except (ValueError, TypeError, OverflowError):
            number = None
        assert isinstance(number, int | None)


def test_it_keeps_the_good_neighbours_of_a_bad_row():
    good, rejected = validate([ROW, {"platform": "weibo"}, ROW | {"id": 2}], NOW, first_index=10)
    assert [(index, row.id) for index, row in good] == [(10, "1"), (12, "2")]
    assert [(rejection.index, rejection.field) for rejection in rejected] == [(11, "id")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"published_at": NOW + 601}, "published_at"),
        ({"published_at": 20_241_122}, "published_at"),
        ({"id": "1.78E+17"}, "id"),
        ({"parent_id": "1.78E+17"}, "parent_id"),
        ({"text": " ", "title": ""}, ""),
        ({"text": "坏\ud800"}, "text"),
        ({"txet": "拼错"}, "txet"),
        ({"engagement": {"likes": -1}}, "engagement.likes"),
        ({"rating": {"value": 6, "scale": "stars5"}}, "rating"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"author": {"hash": "short"}}, "author.hash"),
    ],
)
def test_it_names_the_field_that_is_wrong(change, field):
    good, (rejection,) = validate([ROW | change], NOW)
    assert not good
    assert rejection.field == field
    assert rejection.reason
    assert rejection.advice


@pytest.mark.parametrize("nothing", ["", 0, "0", None])
def test_it_takes_a_root_marker_for_no_parent(nothing):
    ((_, row),), _ = validate([ROW | {"parent_id": nothing}], NOW)
    assert row.parent_id is None


@pytest.mark.parametrize("name", ["微博", "WEIBO", " weibo ", "新浪微博", "wb"])
def test_it_knows_a_platform_by_its_usual_names(name):
    ((_, row),), _ = validate([ROW | {"platform": name}], NOW)
    assert row.platform == "weibo"


def test_it_accepts_a_hash_in_place_of_an_author():
    ((_, row),), _ = validate([ROW | {"author": {"hash": "0123456789abcdef"}}], NOW)
    assert row.author.hash == "0123456789abcdef"


@pytest.mark.parametrize(
    "body",
    [
        json.dumps([ROW, ROW]),
        f"{json.dumps(ROW)}\n{json.dumps(ROW)}\n",
        f"\n {json.dumps(ROW)}\r\n\r\n{json.dumps(ROW)}",
    ],
)
def test_it_decodes_arrays_and_lines_alike(body):
    assert decode(body.encode()) == [ROW, ROW]


def test_it_decodes_one_object_however_it_is_printed():
    assert decode(json.dumps(ROW, indent=2).encode()) == [ROW]


@pytest.mark.parametrize("body", [b"", b"  ", b"[1,", b"nonsense", b"[" * 100_000])
def test_it_refuses_a_body_nothing_can_be_read_from(body):
    with pytest.raises(BadRequest):
        decode(body)


def test_it_refuses_only_the_unreadable_line():
    rows = decode(f"{json.dumps(ROW)}\n{{坏\n{json.dumps(ROW)}".encode())
    good, rejected = validate(rows, NOW)
    assert [index for index, _ in good] == [0, 2]
    assert [rejection.index for rejection in rejected] == [1]


def test_it_cuts_a_stream_into_batches():
    sizes = [len(batch) for batch in chunks(range(MAX_BATCH * 2 + 1))]
    assert sizes == [MAX_BATCH, MAX_BATCH, 1]


@pytest.mark.parametrize("text", ["\u200b\u200d", "<b></b>", "<p>&nbsp;</p>", "\ufeff \u2060"])
def test_it_refuses_a_mention_in_which_nothing_can_be_seen(text):
    seen = {**ROW, "text": text, "title": "👍"}
    rated = {**ROW, "text": text, "rating": {"value": 5, "scale": "stars5"}}
    good, rejected = validate([{**ROW, "text": text, "title": text}, seen, rated], NOW)
    assert [index for index, _ in good] == [1, 2]
    assert "正文、标题、评分" in rejected[0].reason


def test_it_decodes_a_body_that_begins_with_a_byte_order_mark():
    for body in (json.dumps([ROW]), f"{json.dumps(ROW)}\n{json.dumps(ROW)}"):
        assert decode(b"\xef\xbb\xbf" + body.encode())[0] == ROW


@pytest.mark.parametrize("field", ["name", "aliases", "exclude"])
def test_it_refuses_a_brand_word_in_which_nothing_can_be_seen(field):
    unseen = "\u200b" if field == "name" else ["星途汽车", "\u200b"]
    with pytest.raises(InputError) as refused:
        read_brand(**{"id": "xingtu", "name": "星途", field: unseen})
    assert refused.value.field.startswith(field)


@pytest.mark.parametrize(
    ("names", "exclude"),
    [
        (["星途"], "星途"),
        (["XingTu"], "ｘｉｎｇｔｕ"),
        (["星途", "星途汽车"], "汽车"),
        (["星途"], "星"),
    ],
)
def test_it_refuses_a_brand_with_a_name_that_it_excludes_itself(names, exclude):
    given = read_brand(id="xingtu", name=names[0], aliases=names[1:], exclude=[exclude])
    with pytest.raises(InputError) as refused:
        given.brand(NOW)
    assert (refused.value.field, names[-1] in refused.value.message) == ("exclude", True)


def test_it_takes_a_brand_that_excludes_longer_words():
    given = read_brand(id="mi", name="小米", aliases=["小米粥铺"], exclude=["小米粥", "养胃"])
    assert given.brand(NOW).exclude == ("小米粥", "养胃")
