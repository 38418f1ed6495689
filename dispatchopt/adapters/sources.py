"""Which file or sheet of an export holds tickets, engineers and shifts."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dispatchopt.adapters.headers import ENGINEERS, SHIFTS, TICKETS, normal_header
from dispatchopt.adapters.mapping.files import TABLE_KINDS, TableKind, TablePlace
from dispatchopt.adapters.raw import (
    TABLE_ENDINGS,
    WORKBOOK_ENDINGS,
    RawTable,
    is_table_file,
    read_raw,
)
from dispatchopt.adapters.roster_tables import days_below
from dispatchopt.errors import AdapterError, Issue, masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from dispatchopt.adapters.mapping import ExportMapping

TABLE_NAMES: Final[Mapping[TableKind, tuple[str, ...]]] = MappingProxyType(
    {
        "tickets": ("tickets", "工单", "故障工单", "工单明细"),
        "engineers": ("engineers", "工程师", "人员", "装维人员"),
        "shifts": ("shifts", "班次", "排班", "排班表"),
    }
)
"""What files (without their ending) and sheets are called that hold a table."""

USUAL_FILE: Final[Mapping[TableKind, str]] = MappingProxyType(
    {"tickets": TICKETS, "engineers": ENGINEERS, "shifts": SHIFTS}
)


class Sources:
    """Finds and reads the tables of an export: a folder, or one workbook.

    Parameters
    ----------
    folder
        Where files are looked for.
    workbook
        A file of the folder that holds everything; None: any file there.
    mapping
        May tell where tables stand.
    issues
        Gets every fault.
    kinds
        The tables that are wanted; others are not looked for.
    """

    def __init__(
        self,
        folder: Path,
        workbook: str | None,
        mapping: ExportMapping,
        issues: list[Issue],
        kinds: Sequence[TableKind] = TABLE_KINDS,
    ) -> None:
        self._folder = folder
        self._workbook = workbook
        self._mapping = mapping
        self._issues = issues
        self._read: dict[str, tuple[RawTable, ...] | None] = {}
        self._found: dict[TableKind, RawTable | None] = {}
        for kind in kinds:
            self.take(kind, self._find(kind))

    def source_of(self, kind: TableKind) -> str:
        """Return what messages call the table of one kind."""
        table = self._found[kind]
        if table is not None:
            return table.source
        place = self._mapping.files.of(kind)
        return (place.file if place else "") or self._workbook or USUAL_FILE[kind]

    def table(self, kind: TableKind) -> RawTable | None:
        """Return the table of one kind; None if it could not be read, which is a fault then."""
        return self._found[kind]

    def sheet(self, names: Iterable[str]) -> RawTable | None:
        """Return the sheet of the workbook that bears one of the names."""
        wanted = {normal_header(name) for name in names}
        for table in (self._tables(self._workbook) or ()) if self._workbook else ():
            if normal_header(table.sheet) in wanted and table.headers:
                return table
        return None

    def everything(self) -> list[RawTable]:
        """Return every table of every file that can be read."""
        names = [self._workbook] if self._workbook else self._names()
        return [table for name in names for table in self._tables(name) or () if table.headers]

    def take(self, kind: TableKind, table: RawTable | None) -> None:
        """Say which table holds what."""
        if kind == "shifts" and table is not None:
            table = days_below(table)
        self._found[kind] = table

    def _find(self, kind: TableKind) -> RawTable | None:
        place = self._mapping.files.of(kind) or TablePlace()
        file = self._workbook or place.file or self._file_named(kind)
        if self._workbook and place.file and place.file != self._workbook:
            self._fault(
                "mapping.toml", f"files.{kind}",
                f"names another file than the input; name the folder of {self._workbook} as the "
                "input, or the sheets alone",
            )  # fmt: skip
        if file is None:
            return self._sheet_of_any_workbook(kind)
        tables = self._tables(file)
        return None if tables is None else self._choose(kind, file, place.sheet, tables)

    def _file_named(self, kind: TableKind) -> str | None:
        """Return the file that bears the name of a table; None if there is none."""
        wanted = {normal_header(name) for name in TABLE_NAMES[kind]}
        named = [name for name in self._names() if normal_header(_stem(name)) in wanted]
        if len(named) > 1:
            self._fault(
                named[0], "",
                f"{' and '.join(named)} may both hold the {kind}; keep one, or name it in "
                f"mapping.toml: [files] {kind} = \"{named[0]}\"",
            )  # fmt: skip
        return named[0] if named else None

    def _sheet_of_any_workbook(self, kind: TableKind) -> RawTable | None:
        """Look for a sheet of that name in the workbooks of the folder."""
        found: list[RawTable] = []
        workbooks = [name for name in self._names() if name.lower().endswith(WORKBOOK_ENDINGS)]
        for name in workbooks:
            tables = self._tables(name)
            found += _named(tables or (), TABLE_NAMES[kind])
        if len(found) == 1:
            return found[0]
        if found:
            told = " and ".join(table.source for table in found)
            self._fault(
                found[0].file, "",
                f"{told} may both hold the {kind}; name one in mapping.toml: [files] "
                f'{kind} = {{ file = "{found[0].file}", sheet = "{masked(found[0].sheet)}" }}',
            )  # fmt: skip
            return None
        if all(self._read.get(name) for name in workbooks):  # else its fault is told
            self._fault(USUAL_FILE[kind], "", self._missing(kind, workbooks))
        return None

    def _missing(self, kind: TableKind, workbooks: Sequence[str]) -> str:
        if not workbooks:
            return "no such file. Check the path."
        sheets = [table.sheet for name in workbooks for table in self._read[name] or ()]
        return (
            f"no such file, and no sheet of {', '.join(workbooks)} is called "
            f"{' or '.join(TABLE_NAMES[kind])} ({_listed(sheets)}); name it in mapping.toml: "
            f'[files] {kind} = {{ file = "{workbooks[0]}", sheet = "..." }}'
        )

    def _choose(
        self, kind: TableKind, file: str, sheet: str, tables: tuple[RawTable, ...]
    ) -> RawTable | None:
        """Return the sheet meant: the one named, the one called like the table, or the only."""
        filled = [table for table in tables if table.headers]
        if sheet:
            found = [table for table in tables if table.sheet == sheet]
        elif len(filled) == 1 and not self._workbook:
            found = filled
        else:
            found = _named(filled, TABLE_NAMES[kind])
        if len(found) == 1 or not tables[0].sheet:
            return found[0] if found else tables[0]
        wanted = f"'{sheet}'" if sheet else " or ".join(TABLE_NAMES[kind])
        number = "no" if not found else "more than one"
        self._fault(
            file, "",
            f"{number} sheet called {wanted}, for the {kind} ({_listed(t.sheet for t in tables)}); "
            f'name it in mapping.toml: [files] {kind} = {{ file = "{file}", sheet = "..." }}',
        )  # fmt: skip
        return None

    def _tables(self, name: str) -> tuple[RawTable, ...] | None:
        """Read a file once; None, and a fault, if it cannot be read."""
        if name not in self._read:
            path = self._folder / name
            try:
                self._read[name] = read_raw(path, self._issues, name=name)
            except AdapterError as error:
                self._read[name] = None
                self._fault(
                    name, "", str(error).removeprefix(f"{path}: ").removeprefix(f"{name}: ")
                )
        return self._read[name]

    def _names(self) -> list[str]:
        try:
            return sorted(path.name for path in self._folder.iterdir() if is_table_file(path.name))
        except OSError as error:
            raise AdapterError(f"{self._folder}: cannot be read ({error}).") from error

    def _fault(self, file: str, field: str, message: str) -> None:
        self._issues.append(Issue("problem", "", field, "", message, file))


def _stem(name: str) -> str:
    ending = next(ending for ending in (".csv.gz", *TABLE_ENDINGS) if name.lower().endswith(ending))
    return name[: -len(ending)]


def _named(tables: Iterable[RawTable], names: Iterable[str]) -> list[RawTable]:
    wanted = {normal_header(name) for name in names}
    return [t for t in tables if normal_header(t.sheet) in wanted and t.headers]


_MOST_LISTED: Final = 8


def _listed(sheets: Iterable[str]) -> str:
    names = [masked(sheet) for sheet in sheets]
    more = len(names) - _MOST_LISTED
    tail = f" and {more} more" if more > 0 else ""
    return f"there are: {', '.join(names[:_MOST_LISTED])}{tail}"
