"""A night's input, from wherever it comes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dispatchopt.adapters.csv_folder import read_folder
from dispatchopt.adapters.json_files import read_problem
from dispatchopt.adapters.policy_files import read_policy
from dispatchopt.adapters.publish import recover_folder

if TYPE_CHECKING:
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
    if source.folder is not None:
        recover_folder(source.folder)
        intake = read_folder(source.folder, on_bad_row=source.on_bad_row)
    else:
        assert source.file is not None
        intake = read_problem(source.file, on_bad_row=source.on_bad_row)
    if source.policy is None:
        return intake
    problem = intake.problem.model_copy(update={"policy": read_policy(source.policy)})
    return replace(intake, problem=problem)
