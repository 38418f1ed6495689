"""A night's input, from wherever it comes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dispatchopt.adapters.csv_folder import read_folder
from dispatchopt.adapters.json_files import read_problem
from dispatchopt.adapters.policy_files import read_limits, read_policy
from dispatchopt.adapters.workbook import read_workbook
from dispatchopt.limits.apply import with_limits
from dispatchopt.night.config import secret

if TYPE_CHECKING:
    from dispatchopt.adapters.from_tables import Given
    from dispatchopt.models.intake import Intake
    from dispatchopt.night.config import InputConfig


def read_source(source: InputConfig) -> Intake:
    """Read tickets and roster.

    Raises
    ------
    InvalidProblemError
        With every fault, unless faulty rows are left out.
    AdapterError
        If the source cannot be read.
    """
    intake = _read(source)
    if source.policy is not None:
        policy = read_policy(source.policy)
        problem = intake.problem.model_copy(update={"policy": policy})
        intake = replace(intake, problem=problem)
    if source.limits is None:
        return intake
    limited = with_limits(intake.problem, read_limits(source.limits))
    warnings = (*intake.warnings, *limited.warnings)
    return replace(intake, problem=limited.problem, warnings=warnings)


def _read(source: InputConfig) -> Intake:
    if source.folder is not None:
        return read_folder(source.folder, on_bad_row=source.on_bad_row)
    if source.file is not None:
        return read_problem(source.file, on_bad_row=source.on_bad_row)
    if source.workbook is not None:
        return read_workbook(source.workbook, on_bad_row=source.on_bad_row)
    wanted = source.database
    assert wanted is not None
    from dispatchopt.adapters.database import Database

    # What is given wins over the mapping, an absent zone, too.
    given: Given = {} if wanted.timezone is None else {"timezone": wanted.timezone}
    url = secret(wanted.url, wanted.url_env)
    assert url is not None
    return Database(url).read_problem(
        tickets=wanted.tickets,
        engineers=wanted.engineers,
        shifts=wanted.shifts,
        travel=wanted.travel,
        places=wanted.places,
        mapping=wanted.mapping,
        on_bad_row=source.on_bad_row,
        **given,
    )
