"""Text as it is stored and shown, and text as it is analysed.

`clean` keeps script, punctuation and emoji as they were written. `fold` makes spellings equal and
never changes the length, so an offset into the one is an offset into the other.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import nh3
from opencc import OpenCC
from w3lib.url import canonicalize_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Where the characters are that are a style of others: squared, full-width, circled, mathematical.
_STYLED = (*range(0xA0, 0x3400), *range(0xF900, 0x10000), *range(0x1D400, 0x1D800))
_EXPANDED_TAGS = ("<square>", "<compat>")
_EXPANSION_SYMBOLS = frozenset("°μΩ∕")
_FOLDED_SYMBOLS = frozenset("#%&*+/=@_")
# These are emoji, or (the Korean letters) stand for themselves.
_KEPT = frozenset("ℹⓂ㊗㊙") | {chr(code) for code in range(0x3131, 0x318F)}


def _expansions() -> dict[str, str]:
    table = {}
    for char in map(chr, _STYLED):
        plain = unicodedata.normalize("NFKC", char)
        if (
            len(plain) > 1
            and unicodedata.decomposition(char).startswith(_EXPANDED_TAGS)
            and all(c.isascii() or c >= "\u3000" or c in _EXPANSION_SYMBOLS for c in plain)
            and any(c.isalnum() for c in plain)
        ):
            table[char] = plain
    return table


def _singles() -> dict[str, str]:
    table = {}
    for char in map(chr, _STYLED):
        plain = unicodedata.normalize("NFKC", char)
        if (
            len(plain) == 1
            and plain != char
            and char not in _KEPT
            and (plain.isalnum() or plain in _FOLDED_SYMBOLS)
        ):
            table[char] = plain
    return table


def _first_plane(codes: Iterable[int]) -> str:
    """Return what stands between a pattern's brackets to find these; nothing beyond U+FFFF."""
    # The engine looks up the first plane in a table but tries later ranges one by one.
    return "".join(f"\\u{code:04x}" for code in codes if code <= 0xFFFF)


# --- clean -------------------------------------------------------------------------------------

_TAG_NAMES = (
    "a|abbr|article|b|blockquote|body|br|center|code|dd|del|div|dl|dt|em|figcaption|figure|font|"
    "footer|h[1-6]|head|header|hr|html|i|iframe|img|ins|label|li|link|main|mark|meta|ol|p|pre|s|"
    "script|section|small|span|strong|style|sub|sup|svg|table|tbody|td|th|thead|title|tr|u|ul|"
    "video|wbr"
)
# An attribute tells a tag from a comparison (a<b and c>d).
_TAG = rf"</?(?:{_TAG_NAMES})(?:\s+[a-z:-]{{1,40}}\s*=[^<>]*|\s*/?)>"
_HTML = re.compile(rf"(?i){_TAG}|&(?:#\d{{1,7}}|#x[0-9a-f]{{1,6}}|[a-z][a-z0-9]{{1,31}});")
_STRAY_BRACKET = re.compile(rf"(?i)<(?!{_TAG[1:]})")
_BREAK = re.compile(r"(?i)<br\s*/?>|</(?:p|div|li|tr|h[1-6]|section|article|blockquote)\s*>")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_IMAGE = re.compile(r"(?i)<img\s[^<>]*>")
_STICKER = re.compile(r"""(?i)\salt\s*=\s*["']?(\[[^\[\]<>"']{1,20}\])""")

_EMOJI = (
    "©®‼⁉™ℹ\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d"
    "\u3297\u3299\U0001f000-\U0001faff"
)
_KEYCAPS = "0-9#*"
_UNSEEN = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u180e\u200b\u200c\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff"
)
# A joiner stays between two emoji, a variation selector after one; elsewhere both hide words.
_INVISIBLE = re.compile(
    rf"[{_UNSEEN}]"
    rf"|(?<![{_EMOJI}])(?<![{_EMOJI}]\ufe0f)\u200d|\u200d(?![{_EMOJI}])"
    rf"|(?<![{_EMOJI}])\ufe0f(?!\u20e3)|(?<![{_EMOJI}{_KEYCAPS}])\ufe0f"
)
_EXPANSIONS = str.maketrans(_expansions())
_SUSPECT = re.compile(
    rf"[<&{_UNSEEN}\u200d\ufe0f\t-\r\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f"
    rf"\u3000{_first_plane(_EXPANSIONS)}]|  "
)
_LINE_END = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_BLANKS = re.compile(r"[^\S\n]+")
_NEWLINES = re.compile(r" ?\n(?: ?\n)* ?")


def clean(text: str) -> str:
    r"""Return the text as it is stored and shown.

    HTML becomes text; invisible, control and direction marks and lone surrogates go; characters
    that stand for several (㎏) are written out; the rest is NFC with white space collapsed to
    single spaces and at most two newlines in a row. Script, punctuation and emoji stay.

    >>> clean("<p>掉漆&nbsp;&nbsp;严重</p>重\u200b量 3㎏")
    '掉漆 严重\n重量 3kg'
    """
    if _SUSPECT.search(text) is None and unicodedata.is_normalized("NFC", text):
        return text.strip()
    if _HTML.search(text):
        text = _text_of_html(text)
    text = unicodedata.normalize("NFC", text.translate(_EXPANSIONS))
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    text = _BLANKS.sub(" ", _LINE_END.sub("\n", text))
    return _NEWLINES.sub(lambda run: "\n" * min(run[0].count("\n"), 2), text).strip()


def _text_of_html(text: str) -> str:
    text = _IMAGE.sub(_sticker, _SURROGATES.sub("", text))  # nh3 raises on these
    text = _STRAY_BRACKET.sub("&lt;", _BREAK.sub("\n", text))
    return html.unescape(nh3.clean(text, tags=set(), attributes={}))


def _sticker(image: re.Match[str]) -> str:
    # Platforms draw 表情 as pictures whose alternative text is the token the model knows.
    found = _STICKER.search(image[0])
    return found[1] if found else ""


# --- fold --------------------------------------------------------------------------------------

_SINGLES = str.maketrans(_singles())
_STYLED_SINGLE = re.compile(rf"[{_first_plane(_SINGLES)}\U0001d400-\U0001d7ff]")
_TO_SIMPLIFIED = OpenCC("t2s")
_FROM_TAIWAN = OpenCC("tw2sp")


def _simplified_singles() -> dict[str, str]:
    han = [chr(code) for code in (*range(0x3400, 0xA000), *range(0x20000, 0x2A6E0))]
    # Newlines keep the converter from reading phrases into neighbours.
    simple = str(_TO_SIMPLIFIED.convert("\n".join(han))).split("\n")
    return {a: b for a, b in zip(han, simple, strict=True) if a != b and len(b) == 1}


_SIMPLIFIED = str.maketrans(_simplified_singles())
_TRADITIONAL = re.compile(f"[{_first_plane(_SIMPLIFIED)}]")
_CLAUSE_END = re.compile(r"([，。！？；、：,!?;\s]+)")

_CONFUSABLE = str.maketrans(
    "АВЕЅІЈКМНОРСТХаеѕіјорсухԁһΑΒΕΖΗΙΚΜΝΟΡΤΥΧοικν",
    "ABESIJKMHOPCTXaesijopcyxdhABEZHIKMNOPTYXoikv",
)
_CYRILLIC_OR_GREEK = re.compile(r"[\u0370-\u03ff\u0400-\u052f]")
_MIXED_WORD = re.compile(r"[A-Za-z\u0370-\u03ff\u0400-\u052f]+")
_LATIN = re.compile(r"[A-Za-z]")
# Between letters a full-width stop is a point; elsewhere it is a full stop and stays.
_POINT = re.compile(r"(?<=[0-9A-Za-z])．(?=[0-9A-Za-z])")
_WECHAT = re.compile(
    r"(?<![大加蓝黄红金橙A-Za-z0-9])[Vv]信(?![息任誓用心念奉守仰])|[薇徽]信(?![息任誓用心念奉守仰])|微[❤♥💗]"
)


def fold(texts: Sequence[str]) -> list[str]:
    """Return cleaned texts as they are analysed, code point for code point as long.

    Full-width and styled letters become plain, traditional script simplified (Taiwanese wording
    too where it is as long), look-alike letters inside Latin words Latin, disguised 微信 plain.
    Case, Chinese punctuation, emoji and `[表情]` stay.

    >>> fold(["ＳＵ７電池軟體很差，加Ｖ信"])
    ['SU7电池软件很差，加V信']
    >>> fold(["手机螢幕壞了 ➕薇信"])
    ['手机屏幕坏了 ➕微信']
    """
    return [_fold(text) for text in texts]


def _fold(text: str) -> str:
    text = narrow(text)
    if "．" in text:
        text = _POINT.sub(".", text)
    if _TRADITIONAL.search(text):
        text = _simplify(text)
    if _CYRILLIC_OR_GREEK.search(text):
        text = _MIXED_WORD.sub(_latin, text)
    if "信" in text or "微" in text:
        text = _WECHAT.sub("微信", text)
    return text


def narrow(text: str) -> str:
    """Return the text with full-width and styled letters and digits plain; the length stays.

    >>> narrow("①３８，ＡＢ")
    '138，AB'
    """
    return text.translate(_SINGLES) if _STYLED_SINGLE.search(text) else text


def simplify_characters(text: str) -> str:
    """Return the text in simplified script, character by character, wording untouched.

    >>> simplify_characters("資訊")
    '资讯'
    """
    return text.translate(_SIMPLIFIED)


def _simplify(text: str) -> str:
    if _TO_SIMPLIFIED.convert(text) == text:
        return text  # 乾 and its like stand in simplified texts too
    whole = _same_length(text, _FROM_TAIWAN)
    if whole is not None:
        return whole
    # One word that grows or shrinks must not cost the others theirs.
    return "".join(map(_simplify_clause, _CLAUSE_END.split(text)))


def _simplify_clause(text: str) -> str:
    for converter in (_FROM_TAIWAN, _TO_SIMPLIFIED):
        simple = _same_length(text, converter)
        if simple is not None:
            return simple
    return simplify_characters(text)


def _same_length(text: str, converter: OpenCC) -> str | None:
    simple = str(converter.convert(text))
    return simple if len(simple) == len(text) else None


def _latin(word: re.Match[str]) -> str:
    return word[0].translate(_CONFUSABLE) if _LATIN.search(word[0]) else word[0]


# --- reposts, titles, addresses ------------------------------------------------------------------

_QUOTED_NAME = re.compile(r"//\s?@[^\s:：/@]{1,40}\s?[:：]?")
_NO_OWN_WORDS = re.compile(r"(?i)(?:转发微博|轉發微博|快转微博|转发|轉發|repost)[\s。.!！]*")


def split_repost(text: str) -> tuple[str, str]:
    """Return a 微博 repost's own words and what it quotes, the quoted people's names replaced.

    >>> split_repost("说得对//@某人:太贵了//@另一人:转发微博")
    ('说得对', '//@用户:太贵了//@用户:转发微博')
    >>> split_repost("转发微博")
    ('', '')
    """
    found = _QUOTED_NAME.search(text)
    start = found.start() if found else len(text)
    own, quoted = text[:start].strip(), text[start:].strip()
    if _NO_OWN_WORDS.fullmatch(own):
        own = ""
    return own, _QUOTED_NAME.sub("//@用户:", quoted)


def analysed(title: str, text: str) -> str:
    r"""Return title and text in one, without the title where the text begins with it.

    >>> analysed("开箱", "续航不错"), analysed("续航不…", "续航不错")
    ('开箱\n续航不错', '续航不错')
    """
    if not title or _spaceless(text).startswith(_spaceless(title).rstrip("….")):
        return text
    return f"{title}\n{text}" if text else title


def _spaceless(text: str) -> str:
    return "".join(text.split())


_TRACKING = re.compile(
    r"(?i)utm_.*|share.*|wx.*|spm.*|from|from_.*|xsec_token|xsec_source|scm|scene|chksm|srcid|"
    r"sessionid|clicktime|enterid|nsukey|isappinstalled|ascene|pass_ticket|app_platform|"
    r"app_version|apptime|author_share|appuid|ignoreengage|vd_source|buvid|mid_source|unique_k|"
    r"bbid|is_story_h5|plat_id|refer_flag|luicode|lfid|featurecode|sudaref|wvr|wfr|previous_page|"
    r"u_code|schema_type|ug_btm|ali_.*|pvid|algo_.*|abbucket|bxsign|gclid|fbclid|msclkid|"
    r"yclid"
)
_ROUTE = ("/", "!")


def canonical_url(url: str) -> str:
    """Return the address without what changes from share to share, or '' where it is none.

    Scheme and host are lower-case, the query is sorted and without tracking parameters, log-in
    parts are gone, the fragment stays only where it routes (`#/`, `#!`).

    >>> canonical_url("HTTPS://M.Weibo.cn/detail/9?utm_source=a&b=2&a=1#top")
    'https://m.weibo.cn/detail/9?a=1&b=2'
    """
    try:
        parts = urlsplit(url.strip())
        host = parts.netloc.rpartition("@")[2].lower()
        kept = [
            piece
            for piece in parts.query.split("&")
            if piece and not _TRACKING.fullmatch(piece.partition("=")[0])
        ]
        fragment = parts.fragment if parts.fragment.startswith(_ROUTE) else ""
        plain = urlunsplit((parts.scheme, host, parts.path, "&".join(kept), fragment))
        return str(canonicalize_url(plain, keep_fragments=True)) if host else ""
    except ValueError:
        return ""
