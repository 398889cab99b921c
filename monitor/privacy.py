"""Personal data: masked in texts, pseudonyms in place of authors.

A pseudonym is de-identified, not anonymous: who holds the pepper can tell whether a known id is
behind it, so it remains personal information (个人信息保护法 Art. 73).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import date

from monitor.normalise import narrow

_SEPARATORS = str.maketrans("－–—．（）", "---.()")
_PROVINCE = "[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
_WORTH_A_LOOK = re.compile(rf"@|\d(?:\D{{0,2}}\d){{6}}|{_PROVINCE}[A-Za-z]")

_EMAIL = re.compile(r"(?i)[a-z0-9._%+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,5}[a-z]{2,24}(?![a-z0-9])")
_ID_CARD = re.compile(r"(?<!\d)[1-9]\d{5}[ -]?(?:19|20)\d{6}[ -]?\d{3}[\dXx](?!\d)")
_MOBILE = re.compile(
    r"(?<!\d)(?<!\d\.)(?:\(?\+?(?:00)?86\)?[ -]?)?"
    r"(?:1[3-9]\d[ .-]?\d{4}[ .-]?\d{4}|1([ .-])[3-9](?:\1\d){9})"
    r"(?!\.?\d)"
)
_LANDLINE = re.compile(
    r"(?<!\d)(?<!\d\.)"
    r"(?:\(?0(?:10|2\d|[3-9]\d\d)\)?[ -]?|\+86[ -]?(?:10|2\d|[3-9]\d\d)[ -]?)"
    r"[2-9]\d{2,3}[ -]?\d{4}(?!\.?\d)"
)
_BANK_CARD = re.compile(r"(?<![\d./=])\d{4}(?:[ -]?\d{4}){2}[ -]?\d{1,4}(?:[ -]?\d{1,3})?(?!\.?\d)")
_BANK_CARD_ISSUER = re.compile(r"62\d{14,17}|[45]\d{15}|3[47]\d{13}|35\d{14}")
_PLATE = re.compile(
    rf"(?i)(?<={_PROVINCE})"
    r"[a-hj-np-z][ ·•.-]?(?=(?:[a-z]*\d){3})"
    r"(?:[df][a-hj-np-z0-9]\d{4}|\d{5}[df]|[a-hj-np-z0-9]{4}[a-hj-np-z0-9挂学警港澳])"
    r"(?![a-z0-9])"
)
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")


def mask(text: str) -> str:
    """Return the text with personal numbers and addresses starred out, exactly as long.

    Covered are mobile and landline numbers, ID-card numbers, e-mail addresses, car plates and bank
    cards; separators stay, so that a reader sees what stood there.

    >>> mask("打 138-0013-8000，iPhone 15 Pro 5999元")
    '打 ***-****-****，iPhone 15 Pro 5999元'
    """
    plain = narrow(text)
    if _WORTH_A_LOOK.search(plain) is None:
        return text
    plain = plain.translate(_SEPARATORS)
    masked = _EMAIL.sub(_starred, plain) if "@" in plain else plain
    masked = _ID_CARD.sub(_starred_if_a_date, masked)
    masked = _LANDLINE.sub(_starred, _MOBILE.sub(_starred, masked))
    masked = _BANK_CARD.sub(_starred_if_a_card, masked)
    masked = _PLATE.sub(_starred, masked)
    return text if masked == plain else _overlay(text, plain, masked)


def _overlay(text: str, plain: str, masked: str) -> str:
    # What was not masked keeps the look it had before it was narrowed.
    return "".join(was if a == b else b for was, a, b in zip(text, plain, masked, strict=True))


def _starred(found: re.Match[str]) -> str:
    return _LETTER_OR_DIGIT.sub("*", found[0])


def _starred_if_a_date(found: re.Match[str]) -> str:
    digits = _digits(found[0])
    try:
        date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return found[0]
    return _starred(found)


def _starred_if_a_card(found: re.Match[str]) -> str:
    digits = _digits(found[0])
    real = _BANK_CARD_ISSUER.fullmatch(digits) and _luhn(digits)
    return _starred(found) if real else found[0]


def _digits(text: str) -> str:
    return text.replace(" ", "").replace("-", "")


def _luhn(digits: str) -> bool:
    """Tell whether the check digit is right (ISO/IEC 7812-1, annex B)."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(n // 10 + n % 10 for n in doubled)) % 10 == 0


def pseudonym(pepper: bytes, platform: str, native_author_id: str) -> str:
    """Return an author's pseudonym, 32 hex digits: the same for the same person on a platform.

    >>> pseudonym(b"pepper", "weibo", "1234") == pseudonym_from_hash(
    ...     b"pepper", "weibo", creator_hash("1234")
    ... )
    True
    """
    return pseudonym_from_hash(pepper, platform, creator_hash(native_author_id))


def pseudonym_from_hash(pepper: bytes, platform: str, author_hash: str) -> str:
    """Return the pseudonym of an author of whom only `creator_hash` is known, 32 hex digits."""
    message = f"{platform}|{author_hash}".encode()
    return hmac.new(pepper, message, hashlib.sha256).hexdigest()[:32]


def creator_hash(native_author_id: str) -> str:
    """Return sha256(id) cut to 16 hex digits, as MediaCrawler writes it since July 2026."""
    return hashlib.sha256(native_author_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
