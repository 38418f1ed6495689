"""Workbooks (``.xlsx``) written plainly: the same sheets give the same bytes.

Only what tables need: text that stays text, numbers, truth values, local times, one row of headers
that stays in sight. Reading, which must understand what others write, is left to openpyxl.
"""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SheetCell = str | int | float | datetime | None
"""What a cell may hold; times are local and have no zone."""

MAX_TEXT: Final = 32_767
MAX_COLUMNS: Final = 16_384
MAX_ROWS: Final = 1_048_576

_ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPED: Final = re.compile("_x[0-9A-Fa-f]{4}_")
_EPOCH: Final = datetime(1899, 12, 30)
_STAMP: Final = (1980, 1, 1, 0, 0, 0)
_NAME: Final = "http://schemas.openxmlformats.org/"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

# Styles by index: 0 number, 1 text, 2 header, 3 time, 4 time with seconds.
_STYLES: Final = (
    f'{_HEAD}<styleSheet xmlns="{_NAME}spreadsheetml/2006/main"><numFmts count="2">'
    '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd hh:mm"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="5"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    + "".join(
        f'<xf numFmtId="{number}" fontId="{font}" fillId="0" borderId="0" xfId="0" '
        'applyNumberFormat="1" applyFont="1"/>'
        for number, font in ((49, 0), (49, 1), (164, 0), (165, 0))
    )
    + '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/>'
    "</cellStyles></styleSheet>"
)
_PANE: Final = (
    '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" '
    'activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
)


def can_hold(text: str) -> bool:
    """Whether a cell can hold a text and give it back as it is."""
    return len(text) <= MAX_TEXT and not _ILLEGAL.search(text) and not _ESCAPED.search(text)


def xlsx_bytes(sheets: Sequence[tuple[str, Sequence[Sequence[SheetCell]]]]) -> bytes:
    """Return a workbook.

    Parameters
    ----------
    sheets
        Name (31 signs at most) and rows of each, the headers first; texts that `can_hold` allows.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:

        def put(name: str, text: str) -> None:
            member = zipfile.ZipInfo(name, _STAMP)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, text.encode(), compresslevel=4)

        names = [name for name, _ in sheets]
        put("[Content_Types].xml", _content_types(len(names)))
        put("_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")]))
        put("xl/workbook.xml", _workbook(names))
        parts = [("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(names) + 1)]
        put("xl/_rels/workbook.xml.rels", _relations([*parts, ("styles", "styles.xml")]))
        put("xl/styles.xml", _STYLES)
        for number, (_, rows) in enumerate(sheets, start=1):
            put(f"xl/worksheets/sheet{number}.xml", "".join(_sheet(rows)))
    return stream.getvalue()


def _sheet(rows: Sequence[Sequence[SheetCell]]) -> Iterable[str]:
    yield f'{_HEAD}<worksheet xmlns="{_NAME}spreadsheetml/2006/main">{_PANE}<sheetData>'
    columns = [column_letters(number) for number in range(max(map(len, rows), default=0))]
    for number, row in enumerate(rows, start=1):
        cells = "".join(
            _cell(f"{letters}{number}", cell, is_header=number == 1)
            for letters, cell in zip(columns, row, strict=False)
            if cell is not None and cell != ""
        )
        yield f'<row r="{number}">{cells}</row>'
    yield "</sheetData></worksheet>"


def _cell(place: str, cell: SheetCell, *, is_header: bool) -> str:
    if isinstance(cell, str):
        # A bare CR would come back as LF.
        text = escape(cell, {"\r": "&#13;"})
        style = 2 if is_header else 1
        return (
            f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is>'
            "</c>"
        )
    if isinstance(cell, datetime):
        serial = (cell - _EPOCH).total_seconds() / 86_400
        return f'<c r="{place}" s="{4 if cell.second else 3}"><v>{serial!r}</v></c>'
    if isinstance(cell, bool):
        return f'<c r="{place}" t="b"><v>{int(cell)}</v></c>'
    return f'<c r="{place}"><v>{cell!r}</v></c>'


def column_letters(number: int) -> str:
    """Name a column by its number from 0: ``A``, ``Z``, ``AA``."""
    text, rest = "", number + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        text = chr(65 + letter) + text
    return text


def _content_types(count: int) -> str:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml."
    parts = [("workbook.xml", "sheet.main"), ("styles.xml", "styles")]
    parts += [(f"worksheets/sheet{n}.xml", "worksheet") for n in range(1, count + 1)]
    overrides = "".join(
        f'<Override PartName="/xl/{part}" ContentType="{kind}{what}+xml"/>' for part, what in parts
    )
    relations = "application/vnd.openxmlformats-package.relationships+xml"
    return (
        f'{_HEAD}<Types xmlns="{_NAME}package/2006/content-types">'
        f'<Default Extension="rels" ContentType="{relations}"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    entries = "".join(
        f'<Relationship Id="rId{n}" Type="{_NAME}officeDocument/2006/relationships/{kind}" '
        f'Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, start=1)
    )
    return (
        f'{_HEAD}<Relationships xmlns="{_NAME}package/2006/relationships">{entries}</Relationships>'
    )


def _workbook(names: Sequence[str]) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>'
        for n, name in enumerate(names, start=1)
    )
    return (
        f'{_HEAD}<workbook xmlns="{_NAME}spreadsheetml/2006/main" '
        f'xmlns:r="{_NAME}officeDocument/2006/relationships">'
        f"<bookViews><workbookView/></bookViews><sheets>{sheets}</sheets></workbook>"
    )
