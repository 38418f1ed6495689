"""Tickets, engineers and shifts out of tables or queries of the operator's database."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from dispatchopt.adapters.database.connect import refusal
from dispatchopt.adapters.local_time import CellFault
from dispatchopt.adapters.mapping.codes import Codes
from dispatchopt.adapters.objects import read_object
from dispatchopt.adapters.raw import Row
from dispatchopt.adapters.strict_json import parse_json
from dispatchopt.adapters.tables import Table
from dispatchopt.errors import AdapterError, Issue

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from dispatchopt.adapters.headers import Column
    from dispatchopt.adapters.local_time import Clock

_NAME: Final = re.compile(r"[^\W\d][\w$]*(\.[^\W\d][\w$]*)?")


def read_table(connection: Connection, source: str, name: str, issues: list[Issue]) -> Table | None:
    """Read the rows of a table or a query; None, and a fault, if there is no such thing.

    Parameters
    ----------
    source
        A table's name, with its schema if need be (``oss.tickets``), or a ``SELECT``.
    name
        What messages call the table.
    """
    query = source
    if _NAME.fullmatch(source.strip()):
        quote = connection.dialect.identifier_preparer.quote
        query = f"SELECT * FROM {'.'.join(quote(part) for part in source.strip().split('.'))}"
    try:
        # A faulty query shall not spoil the transaction for the next one.
        with connection.begin_nested():
            result = connection.execution_options(no_parameters=True).exec_driver_sql(query)
            if not result.returns_rows:
                issues.append(_fault(name, "gives no rows; write a SELECT, or the name of a table"))
                return None
            headers = [str(key) for key in result.keys()]  # noqa: SIM118, iterating gives rows
            rows = [Row(line, tuple(row)) for line, row in enumerate(result, start=1)]
    except SQLAlchemyError as error:
        issues.append(_fault(name, f"cannot be read: {refusal(error)}; correct the query"))
        return None
    return Table(name, headers, rows, header_line=0)


def _fault(name: str, message: str) -> Issue:
    return Issue("problem", "", "", "", message, name)


class DatabaseCells:
    """Reads cells of a database: text as in a file, or objects of its driver.

    Parameters
    ----------
    codes
        What the codes of the branch mean.
    """

    def __init__(self, codes: Codes | None = None) -> None:
        self._codes = codes or Codes()

    def read(self, column: Column, cell: Any, clock: Clock) -> Any:  # Any: differs by column
        """Read a cell as its column wants it.

        Raises
        ------
        CellFault
            With what is allowed and the way out.
        """
        if isinstance(cell, bytes | bytearray | memoryview):
            raise CellFault("binary data; cast it to text in the query")
        value = _plain(cell)
        if isinstance(value, float) and column.kind in ("id", "text", "end_place"):
            raise CellFault("must be text; numbers lose digits: cast it to text in the query")
        if isinstance(value, str | int) and column.name in self._codes.by_column:
            value = self._codes.translate(column.name, str(value))
        if isinstance(value, str) and column.kind in _COLLECTIONS:
            value = _parsed(value)
        return read_object(column.kind, value, clock)

    def echo(self, cell: Any) -> Any:  # Any: JSON
        """Return a cell of any type in the values of JSON."""
        value = _plain(cell)
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value).hex()
        if isinstance(value, list | dict):
            return json.loads(json.dumps(value, default=str))
        return value if isinstance(value, int | float) else str(value).strip()


_COLLECTIONS: Final = frozenset(("levels", "skills", "counts", "ids", "windows", "breaks", "spans"))


def _parsed(text: str) -> Any:  # Any: JSON
    """Return what JSON in a column of text holds; other text as it is."""
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        found, repeated = parse_json(text, "cell")
    except AdapterError:
        return text
    return text if repeated else found


def _plain(cell: Any) -> Any:  # Any: differs by column
    """Return what a driver has types of its own for in Python's plain ones."""
    if isinstance(cell, UUID):
        return str(cell)
    if isinstance(cell, Decimal):
        is_whole = cell.is_finite() and cell == cell.to_integral_value()
        return int(cell) if is_whole else float(cell)
    return cell
