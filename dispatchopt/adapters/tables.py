"""Rows of a CSV file or a data frame -> items with typed values; faults are collected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from dispatchopt.adapters.cells import parse_cell
from dispatchopt.adapters.headers import (
    ATTRIBUTE_PREFIX,
    CellKind,
    Column,
    header_index,
    index_beside,
    nearest_header,
    normal_header,
)
from dispatchopt.adapters.local_time import CellFault, Clock
from dispatchopt.adapters.raw import Row, is_blank
from dispatchopt.errors import MASK, Issue
from dispatchopt.models.field_faults import PRIVATE_FIELDS
from dispatchopt.models.masking import ValueKind, shown, without_echoes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class CellReader(Protocol):
    """Reads cells that are not blank."""

    def read(self, column: Column, cell: Any, clock: Clock) -> Any:  # Any: differs by column
        """Read a cell; what it gives depends on the kind of the column."""

    def echo(self, cell: Any) -> Any:  # Any: text or an object
        """Return a cell of a column that is echoed under ``attributes``."""


class TextCells:
    """Reads the cells of text files."""

    def read(self, column: Column, cell: Any, clock: Clock) -> Any:  # Any: differs by column
        """Read a cell as its column wants it."""
        return parse_cell(column.kind, cell, clock)

    def echo(self, cell: Any) -> Any:  # Any: text
        """Return the text without blanks around it."""
        return cell.strip()


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it came, and what is known of its headers beside the mapping table.

    Attributes
    ----------
    names
        Name of our column, ``attributes.KEY`` or nothing (left out) by header in its normal form.
    """

    file: str
    headers: Sequence[str]
    rows: Sequence[Row]
    header_line: int = 1
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Item:
    """A row that has been read: values by column name."""

    kind: str
    id: str
    file: str
    line: int
    values: dict[str, Any]  # Any: differs by column


@dataclass(slots=True)
class Sheet:
    """All items of a table, with the headers as they were written."""

    file: str
    columns: tuple[Column, ...]
    items: list[Item] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    complete: bool = True

    def header_of(self, path: str) -> str:
        """Header of the column that fills a field of the model, in the language of the others."""
        top = path.partition(".")[0].partition("[")[0]
        fitting = [c for c in self.columns if path in (c.field, c.name)]
        if not fitting or "." not in path:
            fitting += [c for c in self.columns if c.field.partition(".")[0] == top]
        for column in fitting:
            if column.name in self.headers:
                return self.headers[column.name]
        is_english = all(header.isascii() for header in self.headers.values())
        if not fitting:
            return path
        return fitting[0].name if is_english else fitting[0].zh

    def headers_beside(self, header: str) -> set[str]:
        """Headers of the columns that fill the same field of the model as this one does."""
        top = {self.header_of(c.field): c.field.partition(".")[0] for c in self.columns}
        return {other for other in top if top[other] == top.get(header)}


def read_sheet(
    table: Table,
    columns: tuple[Column, ...],
    kind: str,
    clock: Clock,
    issues: list[Issue],
    cells: CellReader | None = None,
    *,
    needs_place: bool = True,
) -> Sheet:
    """Read every row of a table; faults are added to `issues`.

    A table whose headers are faulty gives its items all the same, so that every fault is found.

    Parameters
    ----------
    cells
        How cells are read; default: as text.
    needs_place
        Whether a table without any column of places is faulty: nothing may stand in for them.
    """
    sheet = Sheet(table.file, columns)
    cells = cells or TextCells()
    if not _is_mapped(table) and not _is_header(table.headers, columns):
        sheet.complete = False
        issues.append(_no_header(table, columns))
        return sheet
    places = _match_headers(table, sheet, issues, needs_place)
    for row in table.rows:
        if not all(is_blank(cell) for cell in row.cells):
            sheet.items.append(_read_row(row, places, sheet, kind, clock, issues, cells))
    return sheet


def _is_mapped(table: Table) -> bool:
    return any(table.names.get(normal_header(header)) for header in table.headers)


def _is_header(headers: Sequence[str], columns: tuple[Column, ...]) -> bool:
    """Whether a row names columns: one is known, or half of them and more are much like one."""
    known = header_index(columns)
    if any(normal_header(h) in known or _attribute_key(h) for h in headers):
        return True
    alike = sum(nearest_header(header, columns) is not None for header in headers)
    return not headers or 2 * alike >= len(headers)


def _no_header(table: Table, columns: tuple[Column, ...]) -> Issue:
    """Say that the headers lack, without a word of what stands there: it may be personal."""
    needed = ", ".join(f"'{c.name}' or '{c.zh}'" for c in columns if c.required)
    message = (
        f"this is no row of headers: none of its {len(table.headers)} cells names a column; put "
        f"one in front, with at least {needed}"
    )
    return Issue("problem", "", "", "", message, table.file, table.header_line)


def _match_headers(
    table: Table, sheet: Sheet, issues: list[Issue], needs_place: bool
) -> list[tuple[str, Column | str | None]]:
    """Pair each header with its column, or with the key of an attribute."""
    index = index_beside(table.headers, sheet.columns, table.names)
    places: list[tuple[str, Column | str | None]] = []
    for header in table.headers:
        name = table.names.get(normal_header(header), header)
        if not name and name != header:
            places.append((header.strip(), None))  # left out on purpose
            continue
        column = index.get(normal_header(name))
        key = _attribute_key(name) if "attributes" in index else None
        if column is not None and column.name in sheet.headers:
            issues.append(
                _header_fault(
                    table, header, f"the same column as '{sheet.headers[column.name]}'; keep one"
                )
            )
            column = None
        elif column is not None:
            sheet.headers[column.name] = header.strip()
        elif key is None:
            issues.append(_header_fault(table, header, _unknown(header, sheet.columns)))
        places.append((header.strip(), column or key))
    for name, message in _missing(table, sheet, needs_place):
        sheet.complete = False
        issues.append(_header_fault(table, name, f"column missing; {message}"))
    return places


def _missing(table: Table, sheet: Sheet, needs_place: bool) -> Iterator[tuple[str, str]]:
    """Yield each column that must be there and is not, and the way out."""
    for column in sheet.columns:
        needed = column.required and column.instead not in sheet.headers
        if needed and column.name not in sheet.headers:
            named = [column, *(c for c in sheet.columns if c.name == column.instead)]
            yield column.name, "add " + ", or ".join(f"'{c.name}' or '{c.zh}'" for c in named)
    if "hours" in sheet.headers and sheet.headers.keys().isdisjoint({"start", "day"}):
        yield "day", "add 'day' or '日期': which day the hours are of"
    of_place = {c.name: c.zh for c in sheet.columns if c.field.partition(".")[0] == "place"}
    if needs_place and table.rows and of_place and of_place.keys().isdisjoint(sheet.headers):
        lon, lat, place = (f"'{name}' or '{zh}'" for name, zh in of_place.items())
        yield "place", f"add longitude and latitude ({lon}, {lat}), or with a travel table {place}"


def _attribute_key(header: str) -> str | None:
    text = header.strip()
    if text.lower().startswith(ATTRIBUTE_PREFIX) and len(text) > len(ATTRIBUTE_PREFIX):
        return text[len(ATTRIBUTE_PREFIX) :]
    return None


def _unknown(header: str, columns: tuple[Column, ...]) -> str:
    if not header.strip():
        return "a column without a header; give it one or remove it"
    nearest = nearest_header(header, columns)
    hint = f"did you mean '{nearest}'? " if nearest else ""
    echo = ""
    if any(column.name == "attributes" for column in columns):
        echo = f", or name it '{ATTRIBUTE_PREFIX}{shown(header.strip())}' to have it echoed"
    return f"unknown column; {hint}Correct or remove it{echo}"


def _header_fault(table: Table, header: str, message: str) -> Issue:
    # A fault of the whole table, so no single row can be rejected for it.
    return Issue("problem", "", shown(header.strip()), "", message, table.file, table.header_line)


def _read_row(
    row: Row,
    places: Sequence[tuple[str, Column | str | None]],
    sheet: Sheet,
    kind: str,
    clock: Clock,
    issues: list[Issue],
    cells: CellReader,
) -> Item:
    values: dict[str, Any] = {}
    faults: list[tuple[str, str, str]] = []
    if len(row.cells) != len(places):
        told = f"has {len(row.cells)} cells, the header has {len(places)}"
        faults.append(("", "", f"{told}; check the commas, or what stands beyond the headers"))
    for (header, column), cell in zip(places, row.cells, strict=False):
        if column is None or is_blank(cell):
            continue
        if isinstance(column, str):
            attributes = values.setdefault("attributes", {})
            attributes.setdefault(column, cells.echo(cell))
            continue
        naive_before = clock.naive_count
        try:
            value = cells.read(column, cell, clock)
        except CellFault as fault:
            value = _shown(column, cell)
            told = without_echoes(str(fault)) if value == MASK else str(fault)
            faults.append((header, value, told))
            continue
        if clock.naive_count > naive_before and clock.first_naive is None:
            clock.first_naive = (sheet.file, row.line, header)
        if column.kind == "json":
            value = {**values.get("attributes", {}), **value}
        values[column.name] = value
    # The door calls an item without an id by its place among the items, too.
    item_id = printable(values.get("id", "")) or f"#{len(sheet.items) + 1}"
    issues.extend(
        Issue(kind, item_id, header, value, message, sheet.file, row.line)
        for header, value, message in faults
    )
    return Item(kind, item_id, sheet.file, row.line, values)


def _shown(column: Column, cell: Any) -> str:  # Any: text or an object of a frame
    if column.field in PRIVATE_FIELDS:
        return ""
    try:
        text = str(cell)
    except ValueError:  # an integer of thousands of digits
        return ""
    return shown(text, _SHOWN_AS.get(column.kind, "text"))


_SHOWN_AS: Final[Mapping[CellKind, ValueKind]] = {
    **dict.fromkeys(("id", "ids", "end_place"), "id"),
    **dict.fromkeys(("int", "float", "lat", "lon", "priority", "minutes", "instant"), "number"),
    **dict.fromkeys(("windows", "slot", "spans", "breaks", "day"), "hours"),
}


def nested(item: Item, columns: tuple[Column, ...]) -> dict[str, Any]:
    """Put the values of an item where the model has them."""
    raw: dict[str, Any] = {}
    for column in columns:
        if column.name in item.values:
            top, _, below = column.field.partition(".")
            if below:
                raw.setdefault(top, {})[below] = item.values[column.name]
            else:
                raw[top] = item.values[column.name]
    return raw


def printable(text: str) -> str:
    """Escape control characters, as messages show ids."""
    return text if text.isprintable() else repr(text)[1:-1]
