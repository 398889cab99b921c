import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from monitor.domain import KINDS as MENTION_KINDS
from monitor.errors import InputError
from monitor.intake import MentionIn, validate
from monitor.privacy import creator_hash
from monitor.sources import KINDS, SOURCES, Row, SourceError, open_source, read
from monitor.sources.mediacrawler import MEDIACRAWLER
from monitor.sources.plain import COLUMNS, FIELDS

HERE = Path(__file__).parent.parent / "fixtures" / "sources"
NOW = 1_795_305_600
FILES = sorted(path for path in HERE.rglob("*.*") if "_creators_" not in path.name)
RECORDS = [
    record
    for path in FILES
    if path.suffix == ".jsonl"
    for record in map(json.loads, path.read_text(encoding="utf-8").splitlines())
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def taken(path, kind="auto"):
    """Return the mentions of a file after the door, which must accept them all."""
    rows = [row for row in read(path, kind) if isinstance(row, Row)]
    good, rejected = validate([row.mention for row in rows], NOW)
    assert not rejected
    return [mention for _, mention in good]


def errors(path, kind="auto"):
    return [row for row in read(path, kind) if isinstance(row, SourceError)]


def written(tmp_path, name, content):
    path = tmp_path / name
    if isinstance(content, str):
        content = content.encode()
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(HERE).as_posix())
def test_it_reads_every_known_file_into_mentions_the_door_accepts(path):
    assert taken(path)
    assert not [error for error in errors(path) if error.rejected]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(HERE).as_posix())
def test_it_recognises_the_program_that_wrote_a_file(path):
    name = path.relative_to(HERE).parts[0]
    expected = {
        "new": "mediacrawler",
        "old": "mediacrawler",
        "weibo_search.csv": "weibo-search",
        "own.json": "json",
        "own.jsonl": "jsonl",
    }.get(name, "csv")
    assert open_source(path) is SOURCES[expected]


@pytest.mark.parametrize("platform", ["weibo", "xhs"])
@pytest.mark.parametrize("form", ["json", "csv"])
def test_it_reads_the_same_from_every_format(platform, form):
    name = "search_contents_2026-08-20"
    lines = taken(HERE / "new" / platform / "jsonl" / f"{name}.jsonl")
    assert taken(HERE / "new" / platform / form / f"{name}.{form}") == lines


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "weibo/json/search_contents_2026-05-20.json",
            "weibo/json/search_contents_2026-08-20.json",
        ),
        ("weibo/csv/search_comments_2026-05-20.csv", "weibo/csv/search_comments_2026-08-20.csv"),
        ("xhs/json/search_contents_2026-05-20.json", "xhs/json/search_contents_2026-08-20.json"),
        (
            "xhs/jsonl/search_comments_2026-05-20.jsonl",
            "xhs/jsonl/search_comments_2026-08-20.jsonl",
        ),
    ],
)
def test_it_joins_both_generations_by_author(old, new):
    before, after = taken(HERE / "old" / old), taken(HERE / "new" / new)
    for one, other in zip(before, after, strict=False):
        assert one.author == other.author
        assert one.author.id is None
        assert one.author.name is None
        assert (one.region, other.region) == ("浙江", None)
        assert one.model_copy(update={"region": None}) == other


def test_it_lets_nobody_be_recognised():
    for path in FILES:
        if path.relative_to(HERE).parts[0] in ("old", "weibo_search.csv"):
            text = "".join(str(row.mention) for row in read(path))
            for trace in ("林间夏天", "某人", "7000000001", "avatar", "profile_url", "女"):
                assert trace not in text.replace(creator_hash("7000000001"), "")


def test_it_reads_a_weibo_post_by_the_table():
    post, second = taken(HERE / "new/weibo/jsonl/search_contents_2026-08-20.jsonl")
    assert post.model_dump(exclude_none=True) == {
        "platform": "weibo",
        "kind": "post",
        "id": "5100000000000001",
        "brands": (),
        "author": {"hash": creator_hash("7000000001")},
        "text": "青禾冰箱噪音太大，\n半夜吵醒三次[怒]",
        "url": "https://m.weibo.cn/detail/5100000000000001",
        "published_at": 1787064000,
        "engagement": {"likes": 12000, "comments": 35},
    }
    assert second.author is None
    assert second.engagement.likes == 10


def test_it_reads_a_xhs_note_by_the_table():
    note, video = taken(HERE / "new/xhs/jsonl/search_contents_2026-08-20.jsonl")
    assert (note.kind, video.kind) == ("post", "video")
    assert (note.title, video.title) == (None, "开箱")
    assert note.published_at == 1787064000
    assert note.url == "https://www.xiaohongshu.com/explore/6a1b2c3d4e5f60718293a4b5"
    assert note.engagement.model_dump(exclude_none=True) == {
        "likes": 1000,
        "favourites": 10,
        "reposts": 3,
    }


@pytest.mark.parametrize("generation", ["new", "old"])
def test_it_threads_comments_below_their_post(generation):
    folder = HERE / generation
    for platform, post in (("weibo", "5100000000000001"), ("xhs", "6a1b2c3d4e5f60718293a4b5")):
        for path in sorted((folder / platform).rglob("*comments*")):
            first, answer = taken(path)
            assert (first.parent_id, first.root_id) == (post, post)
            assert (answer.parent_id, answer.root_id) == (first.id, post)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("douyin/jsonl/search_contents", ("video", {"likes": 45000, "comments": 12, "reposts": 3})),
        ("douyin/jsonl/search_comments", ("comment", {"likes": 3, "comments": 0})),
        ("kuaishou/jsonl/search_contents", ("video", {"likes": 9, "views": 15000})),
        ("kuaishou/jsonl/search_comments", ("comment", {"comments": 0})),
        (
            "bili/csv/search_contents",
            (
                "video",
                {
                    "likes": 88,
                    "comments": 9,
                    "reposts": 6,
                    "views": 12000,
                    "favourites": 5,
                    "coins": 7,
                    "danmaku": 8,
                },
            ),
        ),
        ("bili/csv/search_comments", ("comment", {"likes": 6, "comments": 2})),
        ("bili/csv/creator_dynamics", ("post", {"likes": 3, "comments": 1, "reposts": 2})),
        ("tieba/json/search_contents", ("post", {"comments": 6})),
        ("tieba/json/search_comments", ("comment", {"comments": 0})),
        ("zhihu/jsonl/search_contents", ("post", {"likes": 15, "comments": 2})),
        ("zhihu/jsonl/search_comments", ("comment", {"likes": 1, "comments": 0})),
    ],
)
def test_it_reads_the_other_platforms_by_their_tables(path, expected):
    mention = taken(next((HERE / "new").glob(f"{path}_*")))[0]
    platform = path.split("/")[0].replace("bili", "bilibili")
    assert mention.platform == platform
    assert (mention.kind, mention.engagement.model_dump(exclude_none=True)) == expected
    assert 1787064000 <= mention.published_at < 1787064300 or platform == "tieba"
    assert (mention.root_id is not None) == (mention.kind == "comment")


def test_it_knows_verified_authors_of_weibo_search():
    (post,) = taken(HERE / "weibo_search.csv")
    assert post.author.verified is True
    assert post.author.hash == creator_hash("7000000001")


@pytest.mark.parametrize("name", ["table.csv", "table_gb18030.csv"])
def test_it_reads_a_table_with_a_chinese_header_in_either_encoding(name):
    post, review, comment = taken(HERE / name)
    assert (post.platform, review.platform) == ("weibo", "jd")
    assert post.text.splitlines() == ["冰箱门，", "关不严"]
    assert (post.engagement.likes, post.engagement.views) == (12000, None)
    assert review.brands == ("qinghe", "other")
    assert (review.rating.value, review.rating.scale) == (2, "stars5")
    assert (comment.kind, comment.parent_id, comment.author.id) == ("comment", "b1", "u3")


def test_it_reports_an_unknown_column_once():
    (remark,) = errors(HERE / "table.csv")
    assert "备注" in remark.reason
    assert not remark.rejected


def test_it_maps_columns_to_fields_the_door_knows():
    def leaves(model, prefix=""):
        for name, field in model.model_fields.items():
            inner = next(
                (
                    kind
                    for kind in (field.annotation, *getattr(field.annotation, "__args__", ()))
                    if isinstance(kind, type) and issubclass(kind, BaseModel)
                ),
                None,
            )
            yield from leaves(inner, f"{name}.") if inner else [prefix + name]

    assert set(FIELDS) == set(leaves(MentionIn))
    assert set(COLUMNS.values()) == set(FIELDS)
    assert {table.kind for table in MEDIACRAWLER.tables} <= set(MENTION_KINDS)


def test_it_rejects_ragged_and_rounded_rows_at_their_place(tmp_path):
    path = written(
        tmp_path,
        "t.csv",
        "平台,编号,正文,时间\n微博,1,好,2026-08-18\n微博,2,少一列\n微博,3,多,2026-08-18,五,\n"
        "微博,4,尾部空列,2026-08-18,,\n\n微博,1.78E+17,改写,2026-08-18\n",
    )
    rows = list(read(path))
    assert [(row.position, type(row) is Row) for row in rows] == [
        (2, True),
        (3, False),
        (4, False),
        (5, True),
        (7, True),
    ]
    assert "3 列" in rows[1].reason
    assert "5 列" in rows[2].reason
    _, rejected = validate([rows[-1].mention], NOW)
    assert rejected[0].field == "id"
    assert "电子表格" in rejected[0].reason


@pytest.mark.parametrize("key", ["note_id", "comment_id", "user_id"])
def test_it_rejects_a_crawled_row_whose_ids_a_spreadsheet_rounded(tmp_path, key):
    record = json.loads(
        (HERE / "old/xhs/jsonl/search_comments_2026-05-20.jsonl").read_text().splitlines()[0]
    )
    path = written(tmp_path, "c.jsonl", json.dumps(record | {key: "1.78E+17"}))
    (error,) = errors(path)
    assert (error.field, error.position, error.rejected) == (key, 1, True)


def test_it_rejects_a_comment_without_an_id_and_a_time_it_cannot_place(tmp_path):
    comment = {"comment_id": None, "video_id": "3x", "content": "好", "create_time": 1787064000}
    post = {"note_id": "1", "title": "t", "desc": "d", "tieba_name": "吧", "publish_time": "昨天"}
    lines = f"{json.dumps(comment)}\n{json.dumps(post)}\n"
    rows = list(read(written(tmp_path, "c.jsonl", lines)))
    _, rejected = validate([row.mention for row in rows], NOW)
    assert [rejection.field for rejection in rejected] == ["id", "published_at"]


@pytest.mark.parametrize("own_id", ["5100000000000101", 5100000000000101])
def test_it_takes_a_weibo_comment_that_names_itself_for_a_first_one(tmp_path, own_id):
    record = {
        "comment_id": "5100000000000101",
        "parent_comment_id": own_id,
        "note_id": "5100000000000001",
        "create_date_time": "2026-08-18 22:40:00+08:00",
        "content": "吵",
    }
    (comment,) = taken(written(tmp_path, "c.jsonl", json.dumps(record)))
    assert comment.parent_id == "5100000000000001"


def test_it_reads_what_is_whole_of_a_file_that_is_being_written(tmp_path):
    whole = (HERE / "new/weibo/json/search_contents_2026-08-20.json").read_bytes()
    for cut in range(0, len(whole) - 1, 5):
        rows = list(read(written(tmp_path, "w.json", whole[:cut])))
        assert isinstance(rows[-1], SourceError)
        assert rows[-1].position == len(rows)
        assert all(isinstance(row, Row) for row in rows[:-1])
    assert len(taken(written(tmp_path, "w.json", whole))) == 2


def test_it_loses_only_the_bad_lines(tmp_path):
    good = '{"platform":"weibo","id":"1","text":"冰箱真的很好","published_at":1787064000}'
    lines = [good, "{坏", "", "[1]", good.encode().replace(b"\xe5\xa5\xbd", b"\xe5\xa5"), good]
    content = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    rows = list(read(written(tmp_path, "a.jsonl", content)))
    assert [(row.position, type(row) is Row) for row in rows] == [
        (1, True),
        (2, False),
        (4, False),
        (5, True),
        (6, True),
    ]
    _, rejected = validate([row.mention for row in rows if type(row) is Row], NOW)
    assert [rejection.index for rejection in rejected] == [1]


def test_it_passes_over_a_line_of_any_length(tmp_path):
    good = '{"platform":"weibo","id":"1","text":"好","published_at":1787064000}'
    path = written(tmp_path, "a.jsonl", f"{good}\n{'x' * 3_000_000}\n{good}\n")
    assert [(row.position, type(row) is Row) for row in read(path)] == [
        (1, True),
        (2, False),
        (3, True),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", "[]"),
        ("a.csv", ""),
        ("a.jsonl", ""),
        ("a.csv", b"\xff\xfe" + "平台,编号\n".encode("utf-16-le")),
    ],
)
def test_it_finds_no_row_in_an_empty_file(tmp_path, name, content):
    assert [row for row in read(written(tmp_path, name, content)) if isinstance(row, Row)] == []


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        '[{"a":' * 50_000,
        "{" * 100_000,
        '[{"id":' + "9" * 5000 + "}]",
        b"\x00\xff\xfe\xfa" * 999,
        'a,"' + "b" * 300_000,
    ],
    ids=["nested", "nested-objects", "braces", "digits", "bytes", "open-quote"],
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_hostile_files_with_errors(tmp_path, name, content, kind):
    for row in read(written(tmp_path, name, content), kind):
        assert isinstance(row, SourceError) or validate([row.mention], NOW)[1]


@pytest.mark.parametrize(
    ("name", "kind", "field"),
    [("a.xlsx", "auto", "path"), ("a.csv", "excel", "kind"), ("missing.csv", "auto", "path")],
)
def test_it_says_what_it_can_read(tmp_path, name, kind, field):
    if name != "missing.csv":
        written(tmp_path, name, "x")
    with pytest.raises(InputError) as caught:
        list(read(tmp_path / name, kind))
    assert caught.value.field == field
    assert str(tmp_path) not in caught.value.message


def test_it_reads_a_folder_in_order_and_passes_over_files_about_people():
    rows = list(read(HERE / "new"))
    files = [row.file for row in rows]
    assert files == sorted(files)
    assert {row.file for row in rows if isinstance(row, SourceError)} == {
        "bili/csv/creator_creators_2026-08-20.csv"
    }
    assert len(set(files)) == 1 + sum("_creators_" not in p.name for p in FILES if "new" in p.parts)


@st.composite
def mutated(draw):
    record = dict(draw(st.sampled_from(RECORDS)))
    for key in draw(st.lists(st.sampled_from(sorted(record)), max_size=4)):
        record[key] = draw(JSON_VALUES)
    for key in draw(st.lists(st.sampled_from(sorted(record)), max_size=3, unique=True)):
        del record[key]
    return record | draw(st.dictionaries(st.text(max_size=4), JSON_VALUES, max_size=2))


def as_table(rows):
    header = sorted({key for row in rows for key in row})
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(header)
    writer.writerows([[row.get(key, "") for key in header] for row in rows])
    return file.getvalue()


WRITERS = {
    "json": json.dumps,
    "jsonl": lambda rows: "\n".join(map(json.dumps, rows)),
    "csv": as_table,
}


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(mutated(), min_size=1, max_size=4),
    form=st.sampled_from(sorted(WRITERS)),
    kind=st.sampled_from(KINDS),
)
def test_it_never_fails_on_a_mutated_record(tmp_path, rows, form, kind):
    text = WRITERS[form](rows).encode("utf-8", "surrogatepass")
    path = written(tmp_path, f"m.{form}", text)
    seen = [row for row in read(path, kind) if isinstance(row, Row) or row.rejected]
    if kind in ("auto", form) and form != "csv":
        assert [row.position for row in seen] == list(range(1, len(rows) + 1))
    mentions = [row.mention for row in seen if isinstance(row, Row)]
    good, rejected = validate(mentions, NOW)
    assert len(good) + len(rejected) == len(mentions)


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from(FILES),
    at=st.integers(0, 5000),
    junk=st.binary(max_size=8),
    cut=st.integers(0, 400),
    kind=st.sampled_from(KINDS),
)
def test_it_never_fails_on_a_damaged_file(tmp_path, path, at, junk, cut, kind):
    whole = path.read_bytes()
    at %= len(whole)
    damaged = written(tmp_path, f"d{path.suffix}", whole[:at] + junk + whole[at + cut :])
    rows = list(read(damaged, kind))
    positions = [row.position for row in rows]
    assert positions == sorted(positions)
    validate([row.mention for row in rows if isinstance(row, Row)], NOW)
