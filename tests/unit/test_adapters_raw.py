"""Tables as they stand: cells with their kinds, lines, and one clear fault for what is damaged."""

from __future__ import annotations

import gzip
import io
import re
import sys
import zipfile
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.adapters.raw import RawTable, Row, read_raw
from dispatchopt.errors import AdapterError, Issue
from tests.unit.test_adapters_json import mutated, one_folder

if TYPE_CHECKING:
    from pathlib import Path

names = st.sampled_from(["t.xlsx", "t.xlsx", "t.csv", "t.csv.gz"])
ROWS: list[list[Any]] = [
    ["工单号", "经度", "报障时间", "次数", "加急"],
    ["0071", 121.5, datetime(2026, 11, 23, 8, 30), 2, True],
    [None, None, None, None, None],
    ["0072", 31, datetime(2026, 11, 24), None, False],
]


def workbook(*sheets: list[list[Any]], **options: Any) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    if options.get("epoch_1904"):
        book.epoch = openpyxl.utils.datetime.MAC_EPOCH
    for number, rows in enumerate(sheets, start=1):
        sheet = book.create_sheet(f"Sheet{number}")
        for row in rows:
            sheet.append(row)
        for area in options.get("merge", ()):
            sheet.merge_cells(area)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def read(tmp_path: Path, data: bytes, name: str = "t.xlsx") -> tuple[list[RawTable], list[Issue]]:
    (tmp_path / name).write_bytes(data)
    issues: list[Issue] = []
    return list(read_raw(tmp_path / name, issues)), issues


@pytest.mark.parametrize(
    ("name", "encode"),
    [
        ("t.csv", lambda text: text.encode()),
        ("t.csv", lambda text: text.encode("utf-8-sig")),
        ("t.csv", lambda text: text.encode("gb18030")),
        ("T.CSV.GZ", lambda text: gzip.compress(text.encode("gb18030"))),
    ],
)
def test_csv_in_every_encoding(tmp_path: Path, name: str, encode: Any) -> None:
    text = '工单号,备注,\r\n0071,"两\r\n行",\r\n\r\n0072,,多\r\n'
    (table,), issues = read(tmp_path, encode(text), name)
    # A quoted cell spans lines 2 and 3, line 4 is blank.
    assert table == RawTable(
        name,
        "",
        ("工单号", "备注", ""),
        (Row(2, ["0071", "两\r\n行", ""]), Row(5, ["0072", "", "多"])),
    )
    assert not issues


def test_blank_columns_at_the_right_are_dropped(tmp_path: Path) -> None:
    (table,), _ = read(tmp_path, b"a,b,,\n1,2,,\n3,4,5,\n6\n", "t.csv")
    assert table.headers == ("a", "b", "")
    assert [row.cells for row in table.rows] == [["1", "2", ""], ["3", "4", "5"], ["6"]]


def test_an_open_quote_ends_a_csv_file_early(tmp_path: Path) -> None:
    (table,), (issue,) = read(tmp_path, b'a,b\n1,2\n"3,4\n', "t.csv")
    assert [row.cells for row in table.rows] == [["1", "2"]]
    assert not table.is_complete
    assert (issue.file, issue.line) == ("t.csv", 3)


def test_cells_of_a_workbook_keep_their_kinds(tmp_path: Path) -> None:
    (table, other), issues = read(tmp_path, workbook(ROWS, [["x"], [time(8, 30)]]))
    assert table.headers == ("工单号", "经度", "报障时间", "次数", "加急")
    assert [(row.line, list(row.cells)) for row in table.rows] == [(2, ROWS[1]), (4, ROWS[3])]
    assert [type(cell) for cell in table.rows[0].cells] == [str, float, datetime, int, bool]
    assert (table.source, other.source) == ("t.xlsx[Sheet1]", "t.xlsx[Sheet2]")
    assert other.rows[0].cells[0] == time(8, 30)
    assert not issues
    assert not table.has_1904_dates


def test_dates_of_both_systems(tmp_path: Path) -> None:
    (table,), _ = read(tmp_path, workbook(ROWS, epoch_1904=True))
    assert table.has_1904_dates
    assert table.rows[0].cells[2] == datetime(2026, 11, 23, 8, 30)


def test_titles_above_the_headers_are_left_out(tmp_path: Path) -> None:
    rows = [["故障工单明细 2026-11-23"], [], *ROWS]
    (table,), issues = read(tmp_path, workbook(rows, merge=["A1:E1"]))
    assert (table.headers[0], table.header_line, table.rows[0].line) == ("工单号", 3, 4)
    assert not issues


@pytest.mark.parametrize("title", ["工单明细,,", "工单明细", "导出时间：2026-11-23 08:00,,"])
def test_titles_above_the_headers_of_a_csv_file(tmp_path: Path, title: str) -> None:
    (table,), _ = read(tmp_path, f"{title}\n\n编号,状态,级别\n1,2,3\n".encode(), "t.csv")
    assert (table.headers, table.header_line) == (("编号", "状态", "级别"), 3)
    assert [row.line for row in table.rows] == [4]


def test_headers_glued_into_one_cell_are_no_title(tmp_path: Path) -> None:
    (table,), _ = read(tmp_path, b"a;b;c\n1,5;2;3,5\n", "t.csv")
    assert table.headers == ("a;b;c",)


def test_a_value_in_cells_merged_downwards_counts_for_each_row(tmp_path: Path) -> None:
    rows = [["工号", "日"], ["E1", 1], [None, 2], [None, 3], ["E2", 1]]
    (table,), issues = read(tmp_path, workbook(rows, merge=["A2:A4"]))
    assert [list(row.cells) for row in table.rows] == [["E1", 1], ["E1", 2], ["E1", 3], ["E2", 1]]
    assert not issues


def test_merged_headers_are_a_fault(tmp_path: Path) -> None:
    rows = [["工单号", "预约", None], [None, "开始", "结束"], ["1", "8:00", "9:00"]]
    _, issues = read(tmp_path, workbook(rows, merge=["B1:C1", "A1:A2"]))
    (issue,) = issues
    assert (issue.file, issue.line) == ("t.xlsx[Sheet1]", 1)
    assert "B1:C1" in issue.message
    assert "A1:A2" in issue.message


def test_formulas_without_a_value_are_a_fault(tmp_path: Path) -> None:
    rows = [["a", "b"], *([1, "=A2+1"] for _ in range(7))]
    (table,), (issue,) = read(tmp_path, workbook(rows))
    assert table.rows[0].cells == (1, None)
    assert "B2, B3, B4, B5, B6 and 2 more: formulas without a computed value" in issue.message


def test_formulas_with_a_value_are_their_value(tmp_path: Path) -> None:
    data = changed(workbook([["a", "b"], [1, "=A2+1"]]), "xl/worksheets/sheet1.xml",
                   rb"<f>A2\+1</f><v ?/>", b"<f>A2+1</f><v>2</v>")  # fmt: skip
    (table,), issues = read(tmp_path, data)
    assert table.rows[0].cells == (1, 2)
    assert not issues


def test_wrong_dimensions_lose_nothing(tmp_path: Path) -> None:
    data = changed(workbook(ROWS), "xl/worksheets/sheet1.xml",
                   rb'<dimension ref="[^"]*"', b'<dimension ref="A1"')  # fmt: skip
    (table,), _ = read(tmp_path, data)
    assert (len(table.headers), len(table.rows)) == (5, 2)


def test_an_empty_sheet_beside_others_has_no_headers(tmp_path: Path) -> None:
    tables, issues = read(tmp_path, workbook(ROWS, []))
    assert [len(table.headers) for table in tables] == [5, 0]
    assert not issues


def changed(data: bytes, member: str, pattern: bytes, new: Any) -> bytes:
    """Change a member of an archive; it must change."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as archive:
        for name in old.namelist():
            content = old.read(name)
            if name == member:
                content, count = re.subn(pattern, new, content, count=1)
                assert count
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("t.xlsx", b"", "no complete workbook"),
        ("t.xlsx", workbook(ROWS)[:1000], "no complete workbook"),
        ("t.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "behind a password"),
        ("t.xlsx", workbook([]), "every sheet of it is empty"),
        ("t.xlsx", changed(workbook(ROWS), "xl/worksheets/sheet1.xml", b'r="A1"', b'r="ZZZZZZZ1"'),
         "beyond the last column"),
        ("t.xlsx", changed(workbook(ROWS), "xl/worksheets/sheet1.xml", b"</row>", b""),
         "no complete workbook"),
        ("t.csv", b"\xff\xff,a\n", "neither UTF-8 nor GB18030"),
        ("t.csv.gz", b"a,b", "no complete gzip file"),
        ("t.xls", b"", "no table by its name"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_clear_error(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    with pytest.raises(AdapterError, match=message):
        read(tmp_path, data, name)


def test_without_openpyxl_the_way_out_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = workbook(ROWS)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(AdapterError, match=r"pip install 'dispatchopt\[excel\]'"):
        read(tmp_path, written)


def test_an_archive_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dispatchopt.adapters.raw_workbook.MAX_UNPACKED", 1000)
    with pytest.raises(AdapterError, match="unpacks to more than 1000 bytes"):
        read(tmp_path, workbook(ROWS))


@st.composite
def damaged_workbooks(draw: st.DrawFn) -> bytes:
    """A workbook damaged as a file, or in one of the texts that it packs."""
    valid = workbook(ROWS, merge=["A3:A4"])
    if draw(st.booleans()):
        return draw(mutated(valid))
    members = ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml"]
    name = draw(st.sampled_from([*members, "xl/_rels/workbook.xml.rels"]))
    with zipfile.ZipFile(io.BytesIO(valid)) as archive:
        content = draw(mutated(archive.read(name)))
    return changed(valid, name, rb"(?s).*", lambda _: content)


@one_folder
@given(data=damaged_workbooks() | mutated("工单,b\r\n1,2\r\n".encode()), name=names)
def test_damaged_files_never_end_in_a_traceback(tmp_path: Path, data: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(data)
    try:
        read_raw(tmp_path / name, [])
    except AdapterError as error:
        assert str(error)
