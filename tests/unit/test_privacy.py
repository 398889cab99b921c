import hashlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.privacy import creator_hash, mask, pseudonym, pseudonym_from_hash


def luhn_card(prefix: str, length: int) -> str:
    """Complete a card number whose check digit is right."""
    body = prefix.ljust(length - 1, "0")
    for check in "0123456789":
        digits = [int(d) for d in reversed(body + check)]
        total = sum(digits[0::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])
        if total % 10 == 0:
            return body + check
    raise AssertionError


CARD = luhn_card("622202", 19)


@pytest.mark.parametrize(
    "secret",
    [
        "13800138000",
        "138 0013 8000",
        "138-0013-8000",
        "1 3 8 0 0 1 3 8 0 0 0",
        "+86 13800138000",
        "＋86－138－0013－8000",
        "(+86)13800138000",
        "8613800138000",
        "１３８００１３８０００",
        "010-62345678",
        "(0755)8234 5678",
        "（0755）82345678",
        "02162345678",
        "+86 21 6234 5678",
        "110101199003070011",
        "11010119900307001X",
        "110101 19900307 001x",
        "lin.xia@mail.example.com",
        "lin＠example．com",
        "京A12345",
        "京A·12345",
        "粤b1234学",
        "沪AD12345",
        "苏E12345F",
        CARD,
        " ".join(CARD[i : i + 4] for i in range(0, 19, 4)),
        luhn_card("4", 16),
    ],
)
@pytest.mark.parametrize("frame", ["{}", "联系{}谢谢", "号码：{}。", "（{}）"])
def test_it_masks_personal_data(secret, frame):
    text = frame.format(secret)
    masked = mask(text)
    assert len(masked) == len(text)
    assert not re.search(r"[0-9０-９]", masked)
    assert "*" in masked
    assert mask(masked) == masked


@pytest.mark.parametrize(
    "harmless",
    [
        "iPhone 15 Pro Max 256G",
        "价格5999元，满3000减300",
        "2026-11-22 08:00:00",
        "20261122",
        "12345678",
        "付了13800138000.50元",
        "订单号202611220000123456",
        "单号 4988230184403982111",
        "编号66fad51c000000001b0224b8",
        "时间戳 1795305600000",
        "RTX4090比RTX3080快",
        "新MACBOOK和新GALAXY",
        "京东618大促1299起",
        "全国热线400-820-8820",
        "@某某品牌 你好，3@1.5折",
        luhn_card("622202", 19)[:-1] + str((int(CARD[-1]) + 1) % 10),
        luhn_card("91", 16),
        "110101199013320011",
        "1.13800138000",
        "１２３，ＡＢＣ",
    ],
)
def test_it_leaves_other_numbers_alone(harmless):
    assert mask(harmless) == harmless


def test_it_masks_only_the_number_and_keeps_the_look_of_the_rest():
    assert mask("ＶＩＰ客户13800138000，①号店") == "ＶＩＰ客户***********，①号店"


@settings(deadline=None)
@given(st.text(st.sampled_from("0123456789０- .@a京A+xX86"), max_size=60))
def test_it_keeps_the_length_and_settles_at_once(text):
    masked = mask(text)
    assert len(masked) == len(text)
    assert all(b in (a, "*") for a, b in zip(text, masked, strict=True))


@settings(deadline=None)
@given(st.text(st.characters(), max_size=30), st.text(st.characters(), max_size=30))
def test_it_finds_a_number_between_any_words(before, after):
    text = f"{before}，13800138000，{after}"
    assert "13800138000" not in mask(text)


def test_it_gives_the_same_pseudonym_to_an_id_and_to_its_hash():
    carried = hashlib.sha256(b"1234567").hexdigest()[:16]
    assert creator_hash("1234567") == carried
    assert pseudonym(b"k", "weibo", "1234567") == pseudonym_from_hash(b"k", "weibo", carried)


def test_it_keeps_people_platforms_and_peppers_apart():
    names = {
        pseudonym(pepper, platform, author)
        for pepper in (b"k", b"l")
        for platform in ("weibo", "xhs")
        for author in ("1", "2")
    }
    assert len(names) == 8
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)
