"""What is read off single texts: words, dates, languages, personal data, the hints of a goal."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogpt.data import dates, goal, languages, pii
from autogpt.data.words import fold, words


def test_a_chinese_character_is_a_word() -> None:
    assert words("我的 iPhone 丢了, it's gone") == ["我", "的", "iPhone", "丢", "了", "it's", "gone"]


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) in (fold(text), fold(fold(fold(text))))
    assert fold(f" {text.upper()}\n") == fold(text.upper())


DAY = dt.datetime(2024, 3, 5, tzinfo=dt.UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2024-03-05", DAY), ("2024/3/5", DAY), ("2024年3月5日", DAY), ("5 March 2024", DAY), ("Mar 5, 2024", DAY),
        ("Tue, 5 Mar 2024", DAY), ("2024-03-05T10:30:00Z", DAY + 37800), ("2024-03-05 10:30", DAY + 37800),
        ("2024-03-05T10:30:00+02:00", DAY + 30600), ("03/05/2024 1:00 PM", DAY + 46800), ("1709596800", DAY),
        (1709596800000, DAY), (dt.date(2024, 3, 5), DAY), (dt.datetime(2024, 3, 5), DAY),
        ("2024-13-05", None), ("2024-02-30", None), ("hello", None), ("12345", None), ("", None),
        (True, None), (None, None),
        ("3.5", None), ("1.2.3", None),
    ],
)  # fmt: skip
def test_dates(text: object, seconds: float | None) -> None:
    assert dates.parse(text) == seconds


def test_day_and_month_are_told_apart_by_the_whole_column() -> None:
    assert dates.parse_column(["03/04/2024", "25/12/2024"])[0] == dates.parse("2024-04-03")
    assert dates.parse_column(["03/04/2024", "12/25/2024"])[0] == dates.parse("2024-03-04")


@given(st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2100, 1, 1)))
def test_iso_dates_keep_their_order(moment: dt.datetime) -> None:
    later = moment + dt.timedelta(seconds=1)
    first, second = (dates.parse(m.replace(microsecond=0).isoformat()) for m in (moment, later))
    assert first is not None
    assert second == first + 1


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["How do I locate my card?", "My card has not arrived yet, where is it now?"] * 5, {"en"}),
        (["今天天气不错，我们去公园吧", "很好"] * 5, {"zh"}),
        (["ok", "yes please", "no", "thanks a lot", "good", "not working"] * 5, {"en"}),
        (["Wie geht es dir heute, mein Freund?", "How are you today, my dear friend?"] * 10, {"de", "en"}),
        (["これはとても良い本です", "カードを失くしました"] * 5, {"ja"}),
        (["13", "!!", "http://t.co/abc"], set()),
        ([], set()),
    ],
)
def test_languages(texts: list[str], expected: set[str]) -> None:
    found = languages.shares(texts)
    assert set(found) == expected
    assert sum(found.values()) == pytest.approx(1.0 if expected else 0.0, abs=0.01)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("write to jane.doe+x@mail.example.org!", {"email"}),
        ("call (415) 555-2671 or +49 30 901820", {"phone"}),
        ("card 4111 1111 1111 1111 please", {"credit-card"}),
        ("card 4111 1111 1111 1112 please", set()),
        ("IBAN DE89 3704 0044 0532 0130 00", {"iban"}),
        ("IBAN DE88 3704 0044 0532 0130 00", set()),
        ("from 192.168.17.4 again", {"ip"}),
        ("version 1.2.3.4 and 999.1.1.1", set()),
        ("身份证11010519491231002X", {"cn-id"}),
        ("身份证110105194912310021", set()),
        ("手机13812345678，谢谢", {"cn-mobile"}),
        ("order 123456 cost 1999.99 in 2024, 10-12 days", set()),
        ("0000 0000 0000 0000", set()),
    ],
)
def test_personal_data(text: str, kinds: set[str]) -> None:
    assert pii.kinds(text) == kinds


def test_personal_data_is_counted_by_rows() -> None:
    assert pii.count(["a@b.co and c@d.co", "a@b.co", "nothing"]) == {"email": 2}


@given(st.text(st.characters(codec="utf-8"), max_size=60) | st.from_regex(r"[0-9 .+()-]{5,40}"))
def test_no_text_breaks_the_patterns(text: str) -> None:
    assert pii.kinds(text) <= {"email", "phone", "credit-card", "iban", "ip", "cn-id", "cn-mobile"}


@pytest.mark.parametrize(
    ("sentence", "hints"),
    [
        ("predict the star rating", {"value"}),
        ("classify reviews by stars", {"classes"}),
        ("find person names", {"token"}),
        ("按意图分类", {"classes"}),
        ("tag each message with all topics that apply", {"multi", "classes"}),
        ("how similar are the two sentences", {"value", "pair"}),
        ("两个句子有多相似", {"value", "pair"}),
        ("把每条评论打上所有适用的标签", {"multi"}),
        ("找出文本中的人名", {"token"}),
        ("assign one of several categories", {"classes", "single"}),
        ("forecast next month's sales from the news", {"future"}),
        ("", set()),
    ],
)
def test_goal_hints(sentence: str, hints: set[str]) -> None:
    found = goal.read(sentence)
    kinds = ("token", "multi", "single", "value", "classes", "pair", "future")
    assert {kind for kind in kinds if getattr(found, kind)} == hints


def test_goals_name_columns_and_labels() -> None:
    found = goal.read("detect hateful messages by category")
    assert found.mentions("Categories")
    assert found.mentioned(["hateful", "non-hateful", "neutral"]) == ["hateful"]
    assert not found.mentions("message")
    assert goal.read("预测评论的情感").mentions("情感")


def test_goals_ask_about_what_a_column_sorts() -> None:
    assert goal.read("which kind of bias is it").asks_about("bias_type")
    assert goal.read("这是哪一种偏见").asks_about("偏见类型")
    assert not goal.read("which kind of bias is it").asks_about("bias")  # the whole of a name is named
    assert not goal.read("rate it from 1 to 5").asks_about("label_1")
    assert not goal.read("which type is it").asks_about("type")


@pytest.mark.parametrize(
    ("sentence", "asked"),
    [
        ("is it spam", True),
        ("tell whether the review is positive", True),
        ("判断是否为垃圾邮件", True),
        ("which kind of bias is it", False),
        ("say what it is about. is this urgent?", True),
        ("how angry is this message", False),
    ],
)
def test_goals_that_ask_yes_or_no(sentence: str, asked: bool) -> None:
    assert goal.read(sentence).yes_or_no is asked
