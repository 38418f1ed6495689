"""Windows in a dispatcher's words: what they mean, on which days, and what is no window."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.adapters.csv_folder import read_folder
from dispatchopt.adapters.day_parts import DAY_PARTS, DayWindow, read_day_window, read_hours
from dispatchopt.adapters.local_time import CellFault
from dispatchopt.adapters.sheet_cells import cell_text
from dispatchopt.errors import InvalidProblemError
from dispatchopt.models import Ticket, Window

if TYPE_CHECKING:
    from pathlib import Path

MORNING, AFTERNOON = (8 * 60, 12 * 60), (12 * 60, 18 * 60)
TWO_TO_FOUR = (14 * 60, 16 * 60)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("上午", DayWindow(MORNING)),
        (" 下午 ", DayWindow(AFTERNOON)),
        ("晚上", DayWindow((18 * 60, 21 * 60))),
        ("下班后", DayWindow((18 * 60, 21 * 60))),
        ("全天", DayWindow((8 * 60, 20 * 60))),
        ("ALL DAY", DayWindow((8 * 60, 20 * 60))),
        ("14点-16点", DayWindow(TWO_TO_FOUR)),
        ("14:00-16:00", DayWindow(TWO_TO_FOUR)),
        ("14：00～16：00", DayWindow(TWO_TO_FOUR)),
        ("１４点—１６点", DayWindow(TWO_TO_FOUR)),
        ("14-16点", DayWindow(TWO_TO_FOUR)),
        ("14时到16时整", DayWindow(TWO_TO_FOUR)),
        ("下午2点-4点", DayWindow(TWO_TO_FOUR)),
        ("9点半至11点", DayWindow((9 * 60 + 30, 11 * 60))),
        ("9点30分-11点一刻", DayWindow((9 * 60 + 30, 11 * 60 + 15))),
        ("上午9点-下午2点", DayWindow((9 * 60, 14 * 60))),
        ("晚上8点-12点", DayWindow((20 * 60, 24 * 60))),
        ("中午12点-1点半", DayWindow((12 * 60, 13 * 60 + 30))),
        ("22:00-24:00", DayWindow((22 * 60, 24 * 60))),
        ("11月23日上午", DayWindow(MORNING, 11, 23)),
        ("11-23 上午", DayWindow(MORNING, 11, 23)),
        ("11/23 14:00-16:00", DayWindow(TWO_TO_FOUR, 11, 23)),
        ("2026-11-23 14点-16点", DayWindow(TWO_TO_FOUR, 11, 23, 2026)),
        ("2026年11月23日下午", DayWindow(AFTERNOON, 11, 23, 2026)),
        ("11月23日14点-16点", DayWindow(TWO_TO_FOUR, 11, 23)),
        ("2026年11月23日14:00-16:00", DayWindow(TWO_TO_FOUR, 11, 23, 2026)),
        ("11月23号14点至16点", DayWindow(TWO_TO_FOUR, 11, 23)),
        ("14:00:00-16:00:00", DayWindow(TWO_TO_FOUR)),
        ("2026-11-23 14:00:00-16:00:00", DayWindow(TWO_TO_FOUR, 11, 23, 2026)),
        # Hours before a date, as figures alone can only be.
        ("12-14 14:00-16:00", DayWindow(TWO_TO_FOUR, 12, 14)),
    ],
)
def test_words_and_hours(text: str, window: DayWindow) -> None:
    assert read_day_window(text, DAY_PARTS) == window


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no window"),
        ("尽快", "no window"),
        ("9-11", "no window"),
        ("14点", "no window"),
        ("11-23", "no window"),
        ("8:30-9:75", "no window"),
        ("14:00:30-16:00:00", "no window"),
        ("11月231点-3点", "no window"),
        ("9点-25点", "no window"),
        ("22点-2点", "closes before it opens"),
        ("14点-14点", "closes before it opens"),
        ("13月1日上午", "no such date"),
        ("2026-02-29 上午", "no such date"),
    ],
)
def test_what_is_no_window(text: str, words: str) -> None:
    with pytest.raises(CellFault, match=words):
        read_day_window(text, DAY_PARTS)


@given(st.text(alphabet="0123456789点时半:-~至上下午晚全天月日年 /", max_size=14))
def test_anything_is_a_window_or_a_fault(text: str) -> None:
    try:
        window = read_day_window(text, DAY_PARTS)
    except CellFault:
        return
    assert 0 <= window.hours[0] < window.hours[1] <= 24 * 60


def test_own_hours() -> None:
    assert read_hours("8:30-11点半") == (510, 690)
    assert read_hours("12:00-08:00") is None
    assert read_hours("上午") is None
    assert read_day_window("夜间", {"夜间": (1, 2)}) == DayWindow((1, 2))


DAYS = [date(2026, 12, 30), date(2026, 12, 31)]


@pytest.mark.parametrize(
    ("window", "days"),
    [
        (DayWindow(MORNING), DAYS),
        (DayWindow(MORNING, 12, 31), [date(2026, 12, 31)]),
        (DayWindow(MORNING, 1, 2), [date(2027, 1, 2)]),  # 3 days ahead, or 362 ago
        (DayWindow(MORNING, 7, 2), [date(2026, 7, 2)]),  # 181 days ago, or 184 ahead
        (DayWindow(MORNING, 2, 29), []),  # neither 2025 nor 2026 nor 2027 has one
        (DayWindow(MORNING, 1, 2, 2025), [date(2025, 1, 2)]),
    ],
)
def test_days_of_a_window(window: DayWindow, days: list[date]) -> None:
    assert window.on(DAYS) == days


def test_days_of_a_window_without_days_of_a_plan() -> None:
    assert DayWindow(MORNING, 1, 2).on([]) == []


FILES = {
    "policy.toml": 'timezone = "Asia/Shanghai"\n',
    "engineers.csv": "id,skills,lon,lat\nE1,FIBER_SPLICE:2,121.4,31.1\n",
    "shifts.csv": "engineer_id,start,end\n"
    "E1,2026-11-23 08:00,2026-11-23 17:00\nE1,2026-11-24 08:00,2026-11-24 17:00\n",
}


def read_ticket(folder: Path, *, policy: str = "", **cells: str) -> Ticket:
    row = {"id": "T1", "fault_type": "FTTH_WEAK_LIGHT", "lon": "121.5", "lat": "31.2", **cells}
    table = [",".join(row), ",".join(f'"{cell}"' for cell in row.values())]
    files = {**FILES, "tickets.csv": "\n".join(table)}
    files["policy.toml"] += policy
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return read_folder(folder).problem.tickets[0]


def window(day: int, opens: float, closes: float) -> Window:
    """Hours of a day of November in Shanghai, eight hours ahead."""
    start = datetime(2026, 11, day, tzinfo=UTC) - timedelta(hours=8)
    return Window(open=start + timedelta(hours=opens), close=start + timedelta(hours=closes))


def test_without_a_date_every_day_of_the_plan_is_meant(tmp_path: Path) -> None:
    ticket = read_ticket(tmp_path, windows="上午；14点-16点")
    assert ticket.windows == (
        window(23, 8, 12), window(24, 8, 12), window(23, 14, 16), window(24, 14, 16),
    )  # fmt: skip


def test_the_days_of_a_declared_horizon_are_meant(tmp_path: Path) -> None:
    # From Monday morning to Wednesday midnight: Tuesday is the last day.
    policy = "horizon = { start = 2026-11-23T06:00:00, end = 2026-11-25T00:00:00 }\n"
    ticket = read_ticket(tmp_path, policy=policy, windows="上午")
    assert ticket.windows == (window(23, 8, 12), window(24, 8, 12))


def test_the_booking_day_of_a_row_is_meant(tmp_path: Path) -> None:
    for day in ("2026-11-24", "2026/11/24 0:00", "46350", "2026年11月24日"):
        ticket = read_ticket(tmp_path, windows="下午", 预约日期=day)
        assert ticket.windows == (window(24, 12, 18),)


def test_a_date_in_the_cell_wins_over_the_booking_day(tmp_path: Path) -> None:
    cells = {"windows": "11月23日上午;全天;2026-11-25 09:00/10:00", "booking_day": "2026-11-24"}
    assert read_ticket(tmp_path, **cells).windows == (
        window(23, 8, 12), window(24, 8, 20), window(25, 9, 10),
    )  # fmt: skip


def test_a_booking_day_alone_means_the_whole_day(tmp_path: Path) -> None:
    assert read_ticket(tmp_path, booking_day="2026-11-24").windows == (window(24, 8, 20),)


def test_an_appointment_in_words(tmp_path: Path) -> None:
    assert read_ticket(tmp_path, 预约时段="11月24日 14点-16点").appointment == window(24, 14, 16)
    cells = {"appointment": "下午", "booking_day": "2026-11-23"}
    ticket = read_ticket(tmp_path, **cells)
    assert ticket.appointment == window(23, 12, 18)
    assert ticket.windows == ()


ONE_TIME = window(23, 14.5, 15.5)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"预约时间": "2026-11-23 14:30"}, ONE_TIME),
        ({"预约时间": "2026/11/23 14:30:00"}, ONE_TIME),
        ({"预约时间": "2026-11-23T14:30+08:00"}, ONE_TIME),
        ({"预约时间": "11月23日 下午2点半"}, ONE_TIME),
        ({"预约时间": "20261123143000"}, ONE_TIME),
        ({"预约时间": "11月23日 14:30左右"}, ONE_TIME),
        ({"预约时间": "46349.6041666667"}, ONE_TIME),  # 14.5 of 24 hours
        ({"预约时间": "14:30", "预约日期": "2026-11-23"}, ONE_TIME),
        ({"预约开始": "2026-11-23 14:30"}, ONE_TIME),
        ({"预约时间": "2026-11-23 23:30"}, window(23, 23.5, 24.5)),
        # A day alone is the whole day, 08:00 to 20:00.
        ({"预约时间": "2026-11-23"}, window(23, 8, 20)),
        ({"预约时间": "2026-11-23 00:00:00"}, window(23, 8, 20)),
        ({"预约时间": "11月24日"}, window(24, 8, 20)),
    ],
)
def test_an_appointment_of_one_time_or_day(
    tmp_path: Path, cells: dict[str, str], expected: Window
) -> None:
    assert read_ticket(tmp_path, **cells).appointment == expected


def test_an_appointment_of_one_time_is_doubtful_unless_its_length_is_told(tmp_path: Path) -> None:
    cells = {"预约时间": "2026-11-23 14:30"}
    ticket = read_ticket(tmp_path, policy="appointment_minutes = 30\n", **cells)
    assert ticket.appointment == window(23, 14.5, 15)
    assert read_folder(tmp_path).warnings == ()
    read_ticket(tmp_path, **cells)
    (warning,) = read_folder(tmp_path).warnings
    assert (warning.file, warning.field) == ("tickets.csv", "预约时间")
    assert warning.message.startswith("appointments that are one time only (1)")


@pytest.mark.parametrize(
    ("cells", "field", "words"),
    [
        ({"appointment": "14点30分前"}, "appointment", "no window; write"),
        ({"appointment": "25:30"}, "appointment", "no window; write"),
        ({"appointment": "14:30"}, "appointment", "on which of the 2 days?"),
        ({"appointment_start": "2026-11-23 08:00", "appointment_end": ""}, "appointment_end",
         "is blank"),
        ({"appointment": "下午"}, "appointment", "on which of the 2 days?"),
        ({"appointment": "上午;下午"}, "appointment", "must be one window"),
        (
            {"appointment": "上午", "appointment_start": "2026-11-23 08:00",
             "appointment_end": "2026-11-23 09:00"},
            "appointment", "stands beside the start or end",
        ),
        ({"booking_day": "明天"}, "booking_day", "no day; write 2026-11-23"),
        ({"booking_day": "2026-11-31"}, "booking_day", "no day; write 2026-11-23"),
        ({"windows": "2999-12-31 上午;9999-12-31 上午"}, "windows", "1970 to 2999"),
        ({"parked": "上午"}, "parked", "no window; write 2026-11-23 08:00/10:00"),
    ],
)  # fmt: skip
def test_faults_of_windows_in_words(
    tmp_path: Path, cells: dict[str, str], field: str, words: str
) -> None:
    with pytest.raises(InvalidProblemError) as caught:
        read_ticket(tmp_path, **cells)
    (issue,) = caught.value.issues
    assert (issue.file, issue.line, issue.id, issue.field) == ("tickets.csv", 2, "T1", field)
    assert words in issue.message


def test_times_of_fourteen_digits(tmp_path: Path) -> None:
    assert read_ticket(tmp_path, due="20261123083000").due == window(23, 8.5, 9).open
    cell = cell_text("instant", 20261123083000)
    assert read_ticket(tmp_path, due=cell).due == window(23, 8.5, 9).open
    for other in ("20261323083000", "202611230830", "2026112308300000"):
        with pytest.raises(InvalidProblemError):
            read_ticket(tmp_path, due=other)


def test_serial_numbers_of_days_are_times(tmp_path: Path) -> None:
    # 46349 is 2026-11-23: 2026-01-01 is 46023, and 326 days have gone then. 0.354166… is 08:30.
    assert read_ticket(tmp_path, due="46349.3541666667").due == window(23, 8.5, 9).open
    assert read_ticket(tmp_path, due="46349").due == window(23, 0, 1).open


@pytest.mark.parametrize("number", ["20261123", "25568", "80000", "1e5", "46349,5"])
def test_other_numbers_are_no_times(tmp_path: Path, number: str) -> None:
    with pytest.raises(InvalidProblemError, match="no date and time"):
        read_ticket(tmp_path, due=number)
