from __future__ import annotations

from datetime import datetime
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.errors import InvalidProblemError
from dispatchopt.models import Window
from dispatchopt.report.customer import TEMPLATES, Coming, CustomerTexts, fields_of
from dispatchopt.report.glossary import Language

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime.fromisoformat("2026-11-23T09:00:00+08:00")  # a Monday


def window(opens: str, closes: str) -> Window:
    return Window.model_validate(
        {"open": f"2026-11-{opens}+08:00", "close": f"2026-11-{closes}+08:00"}
    )


def coming(opens: str, closes: str, *, is_known: bool = True) -> Coming:
    """The engineer is known, and half of such visits take 43 min, four of five 58 min."""
    if not is_known:
        return Coming(window(opens, closes))
    return Coming(window(opens, closes), "E1", "张三", 43 * 60, 58 * 60)


TUESDAY = coming("24T08:00", "24T10:00")
THURSDAY = coming("26T14:00", "26T20:00", is_known=False)


def texts(language: Language, **options: object) -> CustomerTexts:
    return CustomerTexts(SHANGHAI, language=language, **{"now": NOW, **options})  # type: ignore[arg-type]


def test_an_offer_of_several_windows() -> None:
    # 43 min and 58 min in steps of five minutes: 40 to 60.
    assert texts("zh").offer("TT-1", [TUESDAY, THURSDAY]) == (
        "【预约上门】您的报修单TT-1可选以下上门时段，请回复序号：\n"
        "1. 明天11月24日（周二）08:00-10:00，张三 E1，约需40-60分钟\n"
        "2. 11月26日（周四）14:00-20:00\n"
        "工程师将在您所选时段内到达。"
    )
    assert texts("en").offer("TT-1", [TUESDAY, THURSDAY]) == (
        "Your repair TT-1: we can come at one of these times. Please reply with the number that "
        "suits you.\n"
        "1. tomorrow, Tue 24 Nov, 08:00-10:00, 张三 E1, about 40-60 min\n"
        "2. Thu 26 Nov, 14:00-20:00\n"
        "The engineer arrives within the time you choose."
    )


def test_a_proposal_of_one_window() -> None:
    assert texts("zh").proposal("TT-1", TUESDAY) == (
        "【预约上门】您的报修单TT-1可安排明天11月24日（周二）08:00-10:00上门。"
        "上门工程师：张三 E1。现场约需40-60分钟。如您方便，请回复“同意”，我们即为您预约。"
    )
    assert texts("en").proposal("TT-1", THURSDAY) == (
        "Your repair TT-1: may we come Thu 26 Nov, 14:00-20:00? Please reply yes, and the time is "
        "yours."
    )


def test_an_empty_offer_says_so() -> None:
    assert "暂无可承诺的时段" in texts("zh").offer("TT-1", [])
    assert "no time can be promised at present" in texts("en").offer("TT-1", [])


def test_a_confirmation_and_a_reminder() -> None:
    assert texts("zh").confirmation("TT-1", TUESDAY) == (
        "【预约成功】您的报修单TT-1已约定明天11月24日（周二）08:00-10:00上门。"
        "上门工程师：张三 E1。现场约需40-60分钟。如需改约，请提前告知我们。"
    )
    assert texts("en").confirmation("TT-1", THURSDAY) == (
        "Your repair TT-1 is booked: the engineer arrives Thu 26 Nov, 14:00-20:00. "
        "If you need another time, please tell us before."
    )
    assert texts("zh").reminder("TT-1", TUESDAY) == (
        "【上门提醒】您的报修单TT-1约定明天11月24日（周二）08:00-10:00上门。"
        "上门工程师：张三 E1。现场约需40-60分钟。届时请安排人员在场。"
    )
    assert texts("en", now=None).reminder("TT-1", TUESDAY) == (
        "A reminder of your repair TT-1: the engineer arrives Tue 24 Nov, 08:00-10:00. 张三 E1 "
        "will come. The work takes about 40-60 min. Please see that somebody is there."
    )


def test_a_change_asks_and_promises_that_nothing_moves_without_consent() -> None:
    assert texts("zh").change("TT-1", TUESDAY.window, [THURSDAY]) == (
        "【改约征询】您的报修单TT-1原约定明天11月24日（周二）08:00-10:00上门，能否改为以下时段？\n"
        "1. 11月26日（周四）14:00-20:00\n"
        "同意请回复序号；未经您同意，原约定不变。"
    )
    english = texts("en").change("TT-1", TUESDAY.window, [THURSDAY])
    assert "booked for tomorrow, Tue 24 Nov, 08:00-10:00. May we come at another time" in english
    assert english.endswith("Unless you agree, your booked time stands.")
    with pytest.raises(ValueError, match="at least one window"):
        texts("en").change("TT-1", TUESDAY.window, [])


@pytest.mark.parametrize(
    ("opens", "closes", "zh", "en"),
    [
        (
            "23T14:00", "23T16:00", "今天11月23日（周一）14:00-16:00",
            "today, Mon 23 Nov, 14:00-16:00",
        ),
        ("25T09:30", "25T09:30", "后天11月25日（周三）09:30", "Wed 25 Nov, 09:30"),
        ("26T20:00", "27T00:00", "11月26日（周四）20:00-24:00", "Thu 26 Nov, 20:00-24:00"),
        (
            "27T22:00", "28T02:00",
            "11月27日（周五）22:00至11月28日（周六）02:00",
            "Fri 27 Nov, 22:00 to Sat 28 Nov, 02:00",
        ),
        ("22T08:00", "22T10:00", "11月22日（周日）08:00-10:00", "Sun 22 Nov, 08:00-10:00"),
    ],
)  # fmt: skip
def test_days_and_times(opens: str, closes: str, zh: str, en: str) -> None:
    assert texts("zh").when(window(opens, closes)) == zh
    assert texts("en").when(window(opens, closes)) == en


def test_times_are_those_of_the_customers_zone() -> None:
    # 08:00 in Shanghai is 01:00 of the same day in Berlin, and still the day before in New York,
    # where it was Sunday evening when the text was sent.
    berlin = CustomerTexts(ZoneInfo("Europe/Berlin"), language="en", now=NOW)
    assert berlin.when(TUESDAY.window) == "tomorrow, Tue 24 Nov, 01:00-03:00"
    new_york = CustomerTexts(ZoneInfo("America/New_York"), language="zh", now=NOW)
    assert new_york.when(TUESDAY.window) == "明天11月23日（周一）19:00-21:00"


def test_a_time_that_clocks_show_twice_says_which() -> None:
    # On 25 October 2026 Berlin's clocks go back from 03:00 to 02:00: 00:30 and 01:30 in UTC.
    twice = Window.model_validate({"open": "2026-10-25T00:30:00Z", "close": "2026-10-25T01:30:00Z"})
    berlin = CustomerTexts(ZoneInfo("Europe/Berlin"), language="en")
    assert berlin.when(twice) == "Sun 25 Oct, 02:30 (+02:00)-02:30 (+01:00)"


@pytest.mark.parametrize(
    ("p50", "p80", "told"),
    [
        (None, None, ""),
        (None, 3600, ""),
        (60, 120, " 5 min"),
        (1800, None, " 30 min"),
        (1800, 1800, " 30 min"),
        (1801, 1802, " 30-35 min"),
        (2700, 3601, " 45-65 min"),
    ],
)
def test_the_work_is_told_as_a_range_that_holds_it(
    p50: int | None, p80: int | None, told: str
) -> None:
    found = texts("en").offer("T", [Coming(TUESDAY.window, None, None, p50, p80)])
    line = found.splitlines()[1].removeprefix("1. tomorrow, Tue 24 Nov, 08:00-10:00")
    assert line == (f", about{told}" if told else "")


def test_a_name_cannot_pose_as_another_choice() -> None:
    evil = Coming(TUESDAY.window, "E1", "张三\n2. today")
    assert len(texts("zh").offer("T", [evil]).splitlines()) == 3


def test_own_templates_take_the_place_of_ours() -> None:
    own = texts("zh", templates={"confirmation": "{{{when}}}"})
    assert own.confirmation("T", TUESDAY) == "{明天11月24日（周二）08:00-10:00}"
    assert own.reminder("T", TUESDAY) == texts("zh").reminder("T", TUESDAY)


def test_every_fault_of_own_templates_is_told() -> None:
    own = {
        "confirmtion": "x", "offer": "{choices} {phone}", "change": "{choices}",
        "reminder": "{when", "nothing": "{ticket.__class__}", "confirmation": "{when!r:>20}",
    }  # fmt: skip
    with pytest.raises(InvalidProblemError) as caught:
        texts("en", templates=own)
    assert [(issue.field, issue.message) for issue in caught.value.issues] == [
        (
            "texts.confirmtion",
            "did you mean 'confirmation'? no text of that name; there are offer, proposal, "
            "nothing, confirmation, change, reminder",
        ),
        ("texts.offer", "may hold {choices}, {ticket} in braces, and nothing else there"),
        ("texts.change", "lacks {promised}, without which it does not say when; add it"),
        ("texts.reminder", "has a brace without its partner; write {{ or }} for a brace itself"),
        ("texts.nothing", "may hold {ticket} in braces, and nothing else there"),
        (
            "texts.confirmation",
            "may hold {ticket}, {visit}, {when} in braces, and nothing else there",
        ),
    ]


@pytest.mark.parametrize("language", get_args(Language))
def test_our_own_templates_pass_the_test_of_templates(language: Language) -> None:
    assert set(TEMPLATES[language]) == set(TEMPLATES["en"])
    texts(language, templates=TEMPLATES[language])
    for name in TEMPLATES[language]:
        assert all(f"{{{field}}}" in TEMPLATES[language][name] for field in fields_of(name))


@given(
    hours=st.integers(0, 24 * 400), length=st.integers(0, 48), zone=st.sampled_from(
        ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]
    ),
)  # fmt: skip
def test_every_window_is_told_in_one_line(hours: int, length: int, zone: str) -> None:
    begin = NOW.timestamp() + 1800 * hours
    told = Window(
        open=datetime.fromtimestamp(begin, ZoneInfo("UTC")),
        close=datetime.fromtimestamp(begin + 1800 * length, ZoneInfo("UTC")),
    )
    for language in get_args(Language):
        text = CustomerTexts(ZoneInfo(zone), language=language, now=NOW).when(told)
        assert len(text.splitlines()) == 1
        assert f"{told.open.astimezone(ZoneInfo(zone)):%H:%M}" in text
