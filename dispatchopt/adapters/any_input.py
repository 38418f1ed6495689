"""A problem from or into any file or folder, by its name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dispatchopt.adapters.csv_folder import FolderReader, read_folder, write_folder
from dispatchopt.adapters.json_files import read_problem, write_problem
from dispatchopt.adapters.publish import recover_folder
from dispatchopt.adapters.raw import WORKBOOK_ENDINGS
from dispatchopt.adapters.strict_json import is_json
from dispatchopt.adapters.workbook import read_workbook, workbook_reader, write_workbook
from dispatchopt.errors import AdapterError

if TYPE_CHECKING:
    from dispatchopt.adapters.assemble import OnBadRow
    from dispatchopt.adapters.csv_write import Encoding, Headers
    from dispatchopt.adapters.mapping.files import TableKind
    from dispatchopt.models import Problem
    from dispatchopt.models.intake import Intake


def read_any(path: str | Path, *, on_bad_row: OnBadRow = "error") -> Intake:
    """Read a problem: ``.json``, ``.json.gz``, a workbook, or a folder of tables.

    Parameters
    ----------
    on_bad_row
        As for `read_folder`.

    Raises
    ------
    AdapterError
        If it is none of these, or is not there.
    InvalidProblemError
        With every fault of it.
    """
    source = Path(path)
    recover_folder(source)
    try:
        is_folder, is_file = source.is_dir(), source.is_file()
    except (OSError, ValueError):  # pragma: no cover, depends on the system
        is_folder, is_file = False, False
    if is_folder:
        return read_folder(source, on_bad_row=on_bad_row)
    if is_json(source):
        return read_problem(source, on_bad_row=on_bad_row)
    if source.name.lower().endswith(WORKBOOK_ENDINGS):
        return read_workbook(source, on_bad_row=on_bad_row)
    if is_file:
        raise AdapterError(
            f"{path}: neither .json nor .json.gz nor .xlsx nor a folder. Name the whole folder."
        )
    return read_folder(source, on_bad_row=on_bad_row)


def read_roster(path: str | Path) -> Intake:
    """Read what stands around the tickets: engineers, shifts, travel, settings.

    Tables of tickets are not read, and need not be there; the problem has no ticket.

    Raises
    ------
    AdapterError, InvalidProblemError
        As `read_any`.
    """
    source = Path(path)
    recover_folder(source)
    kinds: tuple[TableKind, ...] = ("engineers", "shifts")
    if source.is_dir():
        return FolderReader(source, "error", None, kinds=kinds).run()
    if source.name.lower().endswith(WORKBOOK_ENDINGS):
        return workbook_reader(source, "error", None, kinds).run()
    intake = read_any(source)
    return replace(intake, problem=intake.problem.model_copy(update={"tickets": ()}))


def write_any(
    problem: Problem, path: Path, *, headers: Headers = "en", encoding: Encoding = "utf-8-sig"
) -> None:
    """Write a problem as ``.json``, ``.json.gz`` or ``.xlsx`` by the name, else as a folder.

    Parameters
    ----------
    headers, encoding
        As for `write_folder`, of what has them.

    Raises
    ------
    AdapterError
        If it cannot be written, or the format cannot carry the problem.
    """
    if is_json(path):
        write_problem(problem, path)
    elif is_workbook(path):
        write_workbook(problem, path, headers=headers)
    else:
        write_folder(problem, path, headers=headers, encoding=encoding)


def is_workbook(path: Path) -> bool:
    """Whether a file is a workbook to write, by its name."""
    return path.name.lower().endswith(".xlsx")
