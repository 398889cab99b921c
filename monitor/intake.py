"""What a mention must look like at the door, whoever brings it: JSON, NDJSON, a file, a source.

One bad row never loses its good neighbours: `validate` gives back the good rows and, for each bad
one, a rejection that names the field, the reason and what to do.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any
from zoneinfo import available_timezones

import pydantic_core
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from monitor.domain import SCALES, Brand, Kind, Rejection, Scale
from monitor.errors import BadRequest, InputError
from monitor.match import Matcher
from monitor.normalise import clean, fold

MAX_TEXT = 20_000
MAX_BATCH = 500
_MAX_COUNT = 10**12  # thousands of such add up exactly in a float, which is what sums are kept in
EARLIEST = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())
CLOCK_SKEW = 600
SHANGHAI = timezone(timedelta(hours=8))
ZONES = frozenset(available_timezones())

_COUNT = re.compile(r"^(\d{1,16}(?:\.\d{1,16})?)\s*(千|万|亿|[kKwW])?\+?$")
_UNITS = {"千": 1e3, "k": 1e3, "万": 1e4, "w": 1e4, "亿": 1e8}
_UNKNOWN = frozenset({"", "none", "null", "赞", "评论", "转发", "收藏", "分享", "-", "--"})
_SURROGATE = re.compile(r"[\ud800-\udfff]")
SPREADSHEET_ID = re.compile(r"^\d(?:\.\d+)?[eE]\+\d+$")
# As spreadsheets print a time: 2026/1/5 8:03, 2026年1月5日 08:03.
_LOCAL_TIME = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?)?"
)
PLATFORM_NAMES = {
    "微博": "weibo",
    "新浪微博": "weibo",
    "wb": "weibo",
    "微信": "wechat",
    "公众号": "wechat",
    "weixin": "wechat",
    "抖音": "douyin",
    "dy": "douyin",
    "快手": "kuaishou",
    "ks": "kuaishou",
    "小红书": "xhs",
    "xiaohongshu": "xhs",
    "知乎": "zhihu",
    "b站": "bilibili",
    "哔哩哔哩": "bilibili",
    "bili": "bilibili",
    "贴吧": "tieba",
    "百度贴吧": "tieba",
    "京东": "jd",
    "淘宝": "taobao",
    "天猫": "tmall",
    "拼多多": "pdd",
    "美团": "meituan",
    "大众点评": "dianping",
    "新闻": "news",
    "线下": "offline",
}


def parse_count(value: object) -> int | None:
    """Read a counter as platforms print it.

    Returns a whole number from 0 to below 10^12, or None where the platform shows no number.
    Raises ValueError or TypeError for anything else.

    >>> [parse_count(v) for v in ("1.2万", "10+", "1千+", "4.5w", "2亿", "None", "赞", 7)]
    [12000, 10, 1000, 45000, 200000000, None, None, 7]
    """
    if isinstance(value, str):
        value = _read_count(value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    if value != value // 1 or not 0 <= value < _MAX_COUNT:
        raise ValueError(value)
    return int(value)


def _read_count(text: str) -> int | None:
    text = text.strip().replace(",", "")
    if text.lower() in _UNKNOWN:
        return None
    found = _COUNT.match(text)
    if not found:
        raise ValueError(text)
    return round(float(found[1]) * _UNITS.get((found[2] or "").lower(), 1))


def parse_time(value: object) -> int:
    """Read a time: ISO 8601 (naive times are Asia/Shanghai), or an epoch in seconds or ms.

    Spreadsheets' ways of writing are read too (2026/1/5 8:03, 2026年1月5日).

    Returns UTC seconds. Raises ValueError or TypeError for anything else.

    >>> parse_time("2026-11-22 08:00:00") == parse_time("2026-11-22T00:00:00Z") == 1795305600
    True
    >>> parse_time(1795305600000) == parse_time("1795305600")
    True
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError
    if isinstance(value, str):
        text = value.strip()
        if local := _LOCAL_TIME.fullmatch(text):
            year, month, day, hour, minute, second = (int(part or 0) for part in local.groups())
            moment = datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI)
            return int(moment.timestamp())
        if not re.fullmatch(r"\d{9,14}(\.\d+)?", text):
            moment = datetime.fromisoformat(text.replace("/", "-"))
            return int((moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)).timestamp())
        value = float(text)
    if not -1e15 < value < 1e15:
        raise ValueError
    return int(value / 1000 if abs(value) >= 1e11 else value)


def _count(value: object) -> int | None:
    try:
        return parse_count(value)
    except (ValueError, TypeError):
        raise PydanticCustomError(
            "count",
            "计数须为 0 到一万亿（不含）的整数，或“1.2万”“10+”这样的写法 / a count is a whole"
            " number from 0 to below 10^12, or written like 1.2万, 10+",
        ) from None


def _time(value: object) -> int:
    try:
        return parse_time(value)
    except (ValueError, TypeError, OverflowError):
        raise PydanticCustomError(
            "time", "时间须为 ISO 8601，或秒、毫秒时间戳 / not a time: send ISO 8601 or an epoch"
        ) from None


def _native_id(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str):
        value = value.strip()
        if _SURROGATE.search(value):
            raise PydanticCustomError("string_unicode", "编号含有无效字符 / not valid Unicode")
        if SPREADSHEET_ID.match(value):
            raise PydanticCustomError(
                "spreadsheet_id",
                "编号已被电子表格改写（如 1.78E+17），请以文本格式重新导出 / "
                "the id was rounded by a spreadsheet: export it again as text",
            )
    return value


def _platform(value: object) -> object:
    if isinstance(value, str):
        name = value.strip().lower()
        return PLATFORM_NAMES.get(name, name)
    return value


def _blank_is_none(value: object) -> object:
    return None if value in ("", 0, "0") else value


Count = Annotated[
    int | None,
    BeforeValidator(_count, json_schema_input_type=int | str | None),
]
NativeId = Annotated[
    str,
    BeforeValidator(_native_id, json_schema_input_type=str | int),
    Field(min_length=1, max_length=256),
]
ParentId = Annotated[NativeId | None, BeforeValidator(_blank_is_none)]
Time = Annotated[
    int,
    BeforeValidator(_time, json_schema_input_type=str | int),
    Field(description="ISO 8601（无时区按 Asia/Shanghai）或秒、毫秒时间戳"),
]
BrandId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


class AuthorIn(_Strict):
    """Who said it. The id and name are turned into a pseudonym and then forgotten.

    `hash` stands in for an id that is not known: sha256(id), its first 16 hex digits.
    """

    id: NativeId | None = None
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None
    name: Annotated[str, Field(max_length=256)] | None = None
    followers: Count = None
    verified: bool | None = None


class EngagementIn(_Strict):
    """The counters, as far as they are known."""

    likes: Count = None
    comments: Count = None
    reposts: Count = None
    views: Count = None
    favourites: Count = None
    coins: Count = None
    danmaku: Count = None
    wow: Count = None


class RatingIn(_Strict):
    """A real answer to a scale: stars, 0–10 recommendation, 1–5 satisfaction, 1–7 effort."""

    value: Annotated[float, Field(allow_inf_nan=False)]
    scale: Scale

    @model_validator(mode="after")
    def _in_range(self) -> RatingIn:
        low, high = SCALES[self.scale]
        if not low <= self.value <= high:
            raise PydanticCustomError(
                "rating",
                "{scale} 的取值须在 {low} 到 {high} 之间 / {scale} goes from {low} to {high}",
                {"scale": self.scale, "low": low, "high": high},
            )
        return self


class MentionIn(_Strict):
    """One mention as it is sent to us."""

    platform: Annotated[str, BeforeValidator(_platform), Field(pattern=r"^[\w-]{1,32}$")]
    kind: Kind = "post"
    id: NativeId
    parent_id: ParentId = None
    root_id: ParentId = None
    brands: Annotated[tuple[BrandId, ...], Field(max_length=20)] = ()
    author: AuthorIn | None = None
    title: Annotated[str, Field(max_length=1000)] | None = None
    text: Annotated[str, Field(max_length=MAX_TEXT)] = ""
    url: Annotated[str, Field(max_length=2048, pattern=r"^(?i:https?)://\S+$")] | None = None
    published_at: Time
    engagement: EngagementIn | None = None
    rating: RatingIn | None = None
    region: Annotated[str, Field(max_length=64)] | None = None

    @field_validator("published_at")
    @classmethod
    def _plausible(cls, value: int, info: ValidationInfo) -> int:
        now = (info.context or {}).get("now")
        if value < EARLIEST:
            raise PydanticCustomError(
                "too_early", "时间早于 2000 年，请检查单位 / before the year 2000: check the unit"
            )
        if now is not None and value > now + CLOCK_SKEW:
            raise PydanticCustomError(
                "future", "时间在未来，请检查时区与单位 / in the future: check time zone and unit"
            )
        return value

    @model_validator(mode="after")
    def _says_something(self) -> MentionIn:
        if self.rating is None and not clean(self.text) and not clean(self.title or ""):
            raise PydanticCustomError(
                "empty",
                "正文、标题、评分至少要有一项 / send a text, a title or a rating",
            )
        return self


def _zone(value: str) -> str:
    if value not in ZONES:
        raise PydanticCustomError(
            "timezone", "没有这个时区，例如 Asia/Shanghai / no such time zone"
        )
    return value


def _blank(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("blank", "不能为空 / must not be blank")
    return value.strip()


def _spelt(value: str) -> str:
    if not clean(value):
        raise PydanticCustomError("blank", "须含可见的字符 / needs characters that can be seen")
    return value


# What counts as blank to Python, to JSON Schema and to Pydantic's expressions alike.
NOT_BLANK = r"[^\s\x1c-\x1f\x85\ufeff]"
Word = Annotated[str, Field(min_length=1, max_length=64, pattern=NOT_BLANK), AfterValidator(_blank)]
Name = Annotated[
    str, Field(min_length=1, max_length=128, pattern=NOT_BLANK), AfterValidator(_blank)
]
BrandWord = Annotated[Word, AfterValidator(_spelt)]
BrandName = Annotated[Name, AfterValidator(_spelt)]
Zone = Annotated[
    str,
    AfterValidator(_zone),
    WithJsonSchema({"type": "string", "enum": sorted(ZONES)}),
]


CleanWord = Annotated[BrandWord, AfterValidator(clean)]


class AspectWords(_Strict):
    """Words by which people speak of an aspect; the name is a shipped aspect's or the brand's."""

    name: CleanWord
    words: Annotated[
        list[Annotated[BrandWord, AfterValidator(clean)]], Field(min_length=1, max_length=100)
    ]


OwnAspects = Annotated[list[AspectWords], Field(max_length=40)]


def aspect_words(aspects: Iterable[AspectWords]) -> dict[str, tuple[str, ...]]:
    """Return words by aspect, those of one name put together, repeats left out."""
    found: dict[str, tuple[str, ...]] = {}
    for aspect in aspects:
        held = found.get(aspect.name, ())
        found[aspect.name] = tuple(dict.fromkeys((*held, *aspect.words)))
    return found


class BrandIn(_Strict):
    """A new brand."""

    id: BrandId
    name: BrandName
    aliases: Annotated[list[BrandWord], Field(max_length=200)] = []
    exclude: Annotated[list[BrandWord], Field(max_length=200)] = []
    competitors: Annotated[list[BrandId], Field(max_length=50)] = []
    timezone: Zone = "Asia/Shanghai"
    aspects: OwnAspects = []

    def brand(self, now: int) -> Brand:
        """Return the brand, repeats left out; it is not its own competitor.

        Raises InputError where its own excluded words rule one of its names out.
        """
        brand = Brand(
            self.id,
            self.name,
            tuple(dict.fromkeys(self.aliases)),
            tuple(dict.fromkeys(self.exclude)),
            tuple(dict.fromkeys(c for c in self.competitors if c != self.id)),
            self.timezone,
            now,
            now,
            aspect_words(self.aspects),
        )
        check_names(brand)
        return brand


def check_names(brand: Brand) -> None:
    """Refuse a brand with a name that its own excluded words rule out; raises InputError."""
    names = (brand.name, *brand.aliases)
    found = Matcher([brand]).match(fold([clean(name) for name in names]))
    for name, spans in zip(names, found, strict=True):
        if not spans:
            raise InputError(
                f"“{name}”被排除词排除，永远不会命中 / the excluded words rule {name} out",
                field="exclude",
            )


def read_brand(**given: Any) -> BrandIn:
    """Check a brand given by other ways than JSON; raises InputError naming the field."""
    try:
        return BrandIn(**given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(f"“{field}”：{explained(first['msg'])}", field=field) from None


def explained(message: str) -> str:
    """Return a message in both languages; Pydantic's own speak only English."""
    return f"内容有误 / {message}" if message.isascii() else message


def decode(body: bytes) -> list[Any]:
    """Read a request body: a JSON array, one JSON object, or NDJSON (one object a line).

    Returns the rows, unvalidated; in NDJSON an unreadable line becomes a `BadRow`.
    Raises BadRequest where nothing can be read.
    """
    text = body.removeprefix(BOM_UTF8).strip()
    if not text:
        raise BadRequest("请求体为空，请发送 JSON 数组或 NDJSON / empty body: send JSON or NDJSON")
    first = text[:1]
    if first == b"[":
        rows = _loads(text)
        if not isinstance(rows, list):
            raise BadRequest("须为 JSON 数组 / not a JSON array")
        return rows
    lines = [line for line in text.split(b"\n") if line.strip()]
    if len(lines) == 1:
        row = _loads(text)
        if not isinstance(row, dict):
            raise BadRequest("须为 JSON 数组、对象或 NDJSON / send a JSON array, object or NDJSON")
        return [row]
    if first == b"{" and _is_whole(text):
        return [_loads(text)]
    rows = [_line(line) for line in lines]
    if not any(isinstance(row, dict) for row in rows):
        raise BadRequest("没有一行是 JSON 对象 / no line is a JSON object")
    return rows


class BadRow:
    """A line that is no JSON; keeps what was wrong with it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def _line(line: bytes) -> Any:
    try:
        return _loads(line)
    except BadRequest as error:
        return BadRow(error.message)


def _is_whole(text: bytes) -> bool:
    try:
        _loads(text)
    except BadRequest:
        return False
    return True


def _loads(text: bytes) -> Any:
    try:
        return pydantic_core.from_json(text)
    except ValueError as error:
        return _loads_leniently(text, str(error))


def _loads_leniently(text: bytes, complaint: str) -> Any:
    # A lone surrogate in one row must not lose the others: the standard parser lets it pass, and
    # validation then refuses that row alone.
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest(f"不是合法的 JSON：{complaint} / invalid JSON: {complaint}") from None


_ADVICE = {
    "missing": "请补上该字段 / add the field",
    "extra_forbidden": "没有这个字段，请检查拼写 / no such field: check its spelling",
    "string_too_long": "请截短或分成几条 / shorten or split it",
    "string_unicode": "含有无效字符（孤立代理项），请清除后再发 / remove lone surrogates",
    "literal_error": "请改用所列的取值 / use one of the listed values",
    "string_pattern_mismatch": "请按说明的格式填写 / follow the documented format",
}


def validate(
    rows: Sequence[Any], now: int, *, first_index: int = 0
) -> tuple[list[tuple[int, MentionIn]], list[Rejection]]:
    """Check rows one by one.

    Parameters
    ----------
    rows : sequence
        Decoded rows: dicts, or anything else, which is refused.
    now : int
        UTC seconds; later times (beyond ten minutes of clock skew) are refused.
    first_index : int
        The number of the first row, for the rejections.

    Returns
    -------
    good : list of (index, MentionIn)
    rejected : list of Rejection

    """
    good: list[tuple[int, MentionIn]] = []
    rejected: list[Rejection] = []
    for index, row in enumerate(rows, first_index):
        if isinstance(row, BadRow):
            rejected.append(Rejection(index, "", row.reason, "请检查这一行 / check this line"))
            continue
        try:
            good.append((index, MentionIn.model_validate(row, context={"now": now})))
        except ValidationError as error:
            rejected.append(_rejection(index, error))
    return good, rejected


def _rejection(index: int, error: ValidationError) -> Rejection:
    first = error.errors(include_input=False, include_url=False)[0]
    return Rejection(
        index=index,
        field=".".join(str(part) for part in first["loc"] if not str(part).startswith("function-")),
        reason=explained(first["msg"]),
        advice=_ADVICE.get(first["type"], "请更正后重发 / correct it and send it again"),
    )


def chunks(rows: Iterable[Any], size: int = MAX_BATCH) -> Iterable[list[Any]]:
    """Cut a stream of rows into batches of at most `size`."""
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
