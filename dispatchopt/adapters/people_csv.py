"""CSV for people, who open it in a spreadsheet: no text of the input becomes a formula there."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FORMULA: Final = re.compile(r"[-+=@\t\r]")
_NUMBER: Final = re.compile(r"[-+]?\d+([.,]\d+)?", re.ASCII)


def people_csv(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> bytes:  # Any: cells
    """Return a table as UTF-8 with a byte order mark.

    A text that a spreadsheet would compute, such as ``=1+1``, gets an apostrophe in front.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(header)
    writer.writerows([_inert(cell) for cell in row] for row in rows)
    return stream.getvalue().encode("utf-8-sig")


def _inert(cell: Any) -> Any:  # Any: text or a number
    is_formula = isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if is_formula else cell
