"""A problem as one workbook: the same problem again, and what spreadsheets change."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.adapters.raw import read_raw
from dispatchopt.adapters.settings_sheet import document_rows, read_document
from dispatchopt.adapters.sheet_cells import cell_text
from dispatchopt.adapters.workbook import read_workbook, workbook_bytes, write_workbook
from dispatchopt.adapters.xlsx_write import can_hold, xlsx_bytes
from dispatchopt.errors import AdapterError, DispatchError, InvalidProblemError, Issue
from dispatchopt.models import Problem
from dispatchopt.models.intake import Intake, build_problem
from tests import strategies
from tests.unit import test_round_trip
from tests.unit.raw_data import raw_engineer, raw_problem, raw_ticket
from tests.unit.test_adapters_json import mutated, often, one_folder

if TYPE_CHECKING:
    from pathlib import Path

SHEETS: dict[str, list[list[Any]]] = {
    "工单": [["工单号", "故障类型", "经度", "纬度", "受理时间"],
             ["T1", "FTTH_WEAK_LIGHT", 121.5, 31.2, datetime(2026, 11, 23, 7, 5)]],
    "工程师": [["工号", "技能", "经度", "纬度"], ["E1", "FIBER_SPLICE:2", 121.4, 31.1]],
    "班次": [["工号", "上班时间", "下班时间"],
             ["E1", datetime(2026, 11, 23, 8), datetime(2026, 11, 23, 17)]],
}  # fmt: skip


def book_of(sheets: dict[str, list[list[Any]]], *, is_1904: bool = False) -> bytes:
    """A workbook as others write it."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    if is_1904:
        book.epoch = openpyxl.utils.datetime.MAC_EPOCH
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def read(folder: Path, data: bytes, **options: Any) -> Intake:
    (folder / "policy.toml").write_text('timezone = "Asia/Shanghai"\n', "utf-8")
    return reread(folder, data, **options)


def reread(folder: Path, data: bytes, **options: Any) -> Intake:
    (folder / "p.xlsx").write_bytes(data)
    return read_workbook(folder / "p.xlsx", **options)


def faults(folder: Path, data: bytes) -> list[Issue]:
    with pytest.raises(InvalidProblemError) as caught:
        read(folder, data)
    return list(caught.value.issues)


def with_cell(sheet: str, column: str, cell: Any, **options: Any) -> bytes:
    """The valid workbook with one cell changed, in a new column if need be."""
    rows = [list(row) for row in SHEETS[sheet]]
    if column not in rows[0]:
        rows[0].append(column)
        rows[1].append(None)
    rows[1][rows[0].index(column)] = cell
    return book_of({**SHEETS, sheet: rows}, **options)


def local(hour: float) -> datetime:
    return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hour - 8)


def test_a_workbook_of_others(tmp_path: Path) -> None:
    problem = read(tmp_path, book_of(SHEETS)).problem
    assert [ticket.id for ticket in problem.tickets] == ["T1"]
    assert problem.tickets[0].reported_at == local(7 + 5 / 60)
    shift = problem.engineers[0].shifts[0]
    assert (shift.start, shift.end) == (local(8), local(17))


@pytest.mark.parametrize("is_1904", [False, True])
def test_serial_numbers_without_a_format_count_from_the_books_epoch(
    tmp_path: Path, is_1904: bool
) -> None:
    # 2026-11-23 is 46349 days from the end of 1899, and 1462 fewer from 1904.
    days = 46349 - (1462 if is_1904 else 0)
    data = with_cell("工单", "时限", days + 0.75, is_1904=is_1904)
    ticket = read(tmp_path, data).problem.tickets[0]
    assert (ticket.due, ticket.reported_at) == (local(18), local(7 + 5 / 60))


@pytest.mark.parametrize(
    ("cell", "ticket_id"),
    [(71, "71"), (71.0, "71"), ("0071", "0071"), (202611220003171, "202611220003171")],
)
def test_ids_in_number_cells_are_their_digits(tmp_path: Path, cell: Any, ticket_id: str) -> None:
    problem = read(tmp_path, with_cell("工单", "工单号", cell)).problem
    assert problem.tickets[0].id == ticket_id


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (2026112200031710, "keeps 15 of its digits; format the column as text"),
        (2.0261122000317e20, "keeps 15 of its digits; format the column as text"),
        ("2.02611E+16", "turned this id into a number and its digits are lost"),
        (1.5, "a number with decimals is no id; format the column as text"),
        (datetime(2026, 3, 4), "turned this id into a date; format the column as text"),
        (True, "must not be true or false"),
        ("#N/A", "could not compute this cell"),
    ],
)
def test_ids_that_a_spreadsheet_has_changed_are_faults(
    tmp_path: Path, cell: Any, words: str
) -> None:
    (issue,) = faults(tmp_path, with_cell("工单", "工单号", cell))
    assert (issue.file, issue.line, issue.field) == ("p.xlsx[工单]", 2, "工单号")
    assert words in issue.message


@pytest.mark.parametrize(
    ("kind", "cell", "text"),
    [
        ("int", 3.0, "3"),
        ("lat", 31.25, "31.25"),
        ("minutes", timedelta(hours=1, minutes=30), "5400s"),
        ("minutes", datetime(2026, 1, 1, 1, 30).time(), "5400s"),
        ("minutes", 75, "75"),
        ("instant", datetime(2026, 11, 23, 8, 29, 59, 999_000), "2026-11-23 08:30:00"),
        ("instant", 46349.5, "2026-11-23 12:00:00"),
        ("day", datetime(2026, 11, 23), "2026-11-23 00:00:00"),
        ("text", 7, "7"),
        ("windows", datetime(2026, 1, 1, 8).time(), "08:00:00"),
    ],
)
def test_cells_as_text(kind: Any, cell: Any, text: str) -> None:
    assert cell_text(kind, cell) == text


def test_attributes_are_echoed_as_text(tmp_path: Path) -> None:
    data = with_cell("工单", "attributes.楼层", 3)
    assert read(tmp_path, data).problem.tickets[0].attributes == {"楼层": "3"}


def test_a_sheet_that_lacks_is_named(tmp_path: Path) -> None:
    (issue,) = faults(tmp_path, book_of({k: v for k, v in SHEETS.items() if k != "班次"}))
    assert issue.file == "p.xlsx"
    assert "no sheet called shifts or 班次 or 排班" in issue.message
    assert "(there are: 工单, 工程师)" in issue.message


def test_a_missing_workbook(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="no such file"):
        read_workbook(tmp_path / "p.xlsx")


@pytest.mark.parametrize("headers", ["en", "zh"])
@one_folder
@given(problem=strategies.problems())
def test_round_trip_with_tables(tmp_path: Path, problem: Problem, headers: Any) -> None:
    data = workbook_bytes(problem, headers=headers)
    assert data == workbook_bytes(problem, headers=headers)
    assert reread(tmp_path, data) == Intake(problem, (), ())


@often
@given(raw=test_round_trip.problems(), headers=st.sampled_from(["en", "zh"]))
def test_round_trip_with_points_or_a_clear_no(
    tmp_path: Path, raw: dict[str, Any], headers: Any
) -> None:
    problem = Problem.model_validate(raw)
    try:
        data = workbook_bytes(problem, headers=headers)
    except AdapterError as error:
        # Names drawn from all of Unicode: blank ones, blanks at the ends, signs beyond XML.
        assert "would read back otherwise" in str(error) or "no cell can hold" in str(error)
        assert any(e.name is not None and (e.name.strip() != e.name or not can_hold(e.name))
                   or not e.name for e in problem.engineers)  # fmt: skip
    else:
        assert reread(tmp_path, data).problem == problem


def test_write_and_read_a_file(tmp_path: Path) -> None:
    problem = build_problem(raw_problem(now="2026-11-23T06:00:00+08:00")).problem
    write_workbook(problem, tmp_path / "out" / "day.xlsx", headers="zh")
    assert read_workbook(tmp_path / "out" / "day.xlsx").problem == problem
    with pytest.raises(AdapterError, match=r"ends in \.xlsx"):
        write_workbook(problem, tmp_path / "day.xls")


def test_times_twice_in_a_night_carry_their_offset(tmp_path: Path) -> None:
    ticket = raw_ticket(due="2026-10-25T02:30:00+01:00")
    engineer = raw_engineer(shifts=[{
        "id": "S", "start": "2026-10-25T06:00:00Z", "end": "2026-10-25T09:00:00Z",
    }])  # fmt: skip
    horizon = {"start": "2026-10-24T22:00:00Z", "end": "2026-10-25T23:00:00Z"}
    raw = raw_problem(
        timezone="Europe/Berlin", horizon=horizon, tickets=[ticket], engineers=[engineer]
    )
    problem = build_problem(raw).problem
    (table, *_) = tables(tmp_path, workbook_bytes(problem))
    assert table.rows[0].cells[table.headers.index("due")] == "2026-10-25 02:30+01:00"
    assert reread(tmp_path, workbook_bytes(problem)).problem == problem


def tables(folder: Path, data: bytes) -> list[Any]:
    (folder / "t.xlsx").write_bytes(data)
    return list(read_raw(folder / "t.xlsx", []))


def test_written_cells_have_kinds_that_people_can_work_with(tmp_path: Path) -> None:
    ticket = raw_ticket("0071", due="2026-11-23T12:00:00+08:00")
    problem = build_problem(raw_problem(tickets=[ticket])).problem
    (table, *_) = tables(tmp_path, workbook_bytes(problem))
    cells = dict(zip(table.headers, table.rows[0].cells, strict=True))
    assert cells["id"] == "0071"
    assert cells["priority"] == 3
    assert cells["lon"] == 121.5
    assert cells["due"] == datetime(2026, 11, 23, 12)


def test_formulas_stay_text(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["a", "b"], ["=1+1", "-2+3"]]
    (table,) = tables(tmp_path, xlsx_bytes([("s", rows)]))
    assert list(table.rows[0].cells) == ["=1+1", "-2+3"]


@given(text=st.text(max_size=12))
def test_a_text_that_a_cell_can_hold_comes_back(tmp_path_factory: Any, text: str) -> None:
    if not can_hold(text) or not text.strip():
        return
    folder = tmp_path_factory.mktemp("t")
    (table,) = tables(folder, xlsx_bytes([("s", [["a", "b"], ["x", text]])]))
    assert table.rows[0].cells[1] == text


@pytest.mark.parametrize("text", ["\x00", "\x1b", "_x0041_", "x" * 32_768, "\ud800", "\uffff"])
def test_a_text_that_no_cell_can_hold(text: str) -> None:
    assert not can_hold(text)


def test_what_no_cell_can_hold_is_listed() -> None:
    problem = build_problem(raw_problem(tickets=[raw_ticket("_x0041_")])).problem
    with pytest.raises(AdapterError, match="row 2, id: a text that no cell can hold"):
        workbook_bytes(problem)


JSON_VALUES = test_round_trip.json_values


@given(data=st.dictionaries(st.sampled_from(["a", "b", "c"]), JSON_VALUES | st.dictionaries(
    st.sampled_from(["x", "y z"]), JSON_VALUES), max_size=3))  # fmt: skip
def test_documents_come_back(tmp_path_factory: Any, data: dict[str, Any]) -> None:
    rows = document_rows(data)
    if not all(can_hold(cell) for row in rows for cell in row if isinstance(cell, str)):
        return
    issues: list[Issue] = []
    (table,) = tables(tmp_path_factory.mktemp("t"), xlsx_bytes([("settings", rows)]))
    assert read_document(table, issues) == data
    assert not issues


@pytest.mark.parametrize(
    ("rows", "line", "field", "words"),
    [
        ([["timezon", "UTC"]], 0, "timezon", "did you mean 'timezone'"),
        ([["timezone", "Asia/Nowhere"]], 0, "timezone", "no IANA time zone"),
        ([[None, 3]], 2, "", "a value without a setting"),
        ([["timezone", "UTC"], ["timezone", "UTC"]], 3, "timezone", "stands twice"),
        ([["policy", '{"preset": "strict"']], 2, "policy", "JSON"),
        ([["policy.preset", '{"a": 1, "a": 2}']], 2, "policy.preset", "stands twice in one"),
        ([["travel.kind", "matrix"]], 0, "seconds", "there is no sheet 'travel'"),
    ],
)
def test_faults_of_settings(
    tmp_path: Path, rows: list[list[Any]], line: int, field: str, words: str
) -> None:
    settings = [["setting", "value"], ["timezone", "Asia/Shanghai"]]
    if rows[0][0] and str(rows[0][0]).startswith("timezon"):
        settings.pop()
    found = faults(tmp_path, book_of({**SHEETS, "settings": [*settings, *rows]}))
    line = line and line + len(settings) - 1
    told = [issue for issue in found if (issue.line, issue.field) == (line, field)]
    assert any(words in issue.message for issue in told), found
    assert {issue.file for issue in told} == {"p.xlsx[settings]"}


VALID = workbook_bytes(build_problem(raw_problem()).problem)


@one_folder
@given(data=mutated(VALID), on_bad_row=st.sampled_from(["error", "reject"]))
def test_anything_gives_a_problem_or_a_dispatch_error(
    tmp_path: Path, data: bytes, on_bad_row: Any
) -> None:
    try:
        reread(tmp_path, data, on_bad_row=on_bad_row)
    except DispatchError as error:
        assert str(error)


cells = (
    st.none()
    | st.booleans()
    | st.integers(-3, 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4)
    | st.datetimes(datetime(1900, 3, 1), datetime(9999, 1, 1))
    | st.sampled_from(["上午", "2026-11-23", "FTTH_WEAK_LIGHT", "E1", "#REF!", "=A1"])
    | st.sampled_from([46349.5, 1, 31.2])
)
columns = st.sampled_from(
    ["工单号", "工号", "技能", "经度", "可选时段", "预约时段", "预约日期", "上班时间",
     "时长(分钟)", "备件", "附加信息", "优先级", "attributes.x"]
)  # fmt: skip


@often
@given(sheet=st.sampled_from(list(SHEETS)), column=columns, cell=cells)
def test_any_cell_gives_a_problem_or_a_dispatch_error(
    tmp_path: Path, sheet: str, column: str, cell: Any
) -> None:
    if isinstance(cell, str) and not can_hold(cell):
        return
    rows = [list(row) for row in SHEETS[sheet]]
    if column not in rows[0]:
        rows[0].append(column)
        rows[1].append(None)
    rows[1][rows[0].index(column)] = cell
    try:
        read(tmp_path, xlsx_bytes(list({**SHEETS, sheet: rows}.items())))
    except DispatchError as error:
        assert str(error)
