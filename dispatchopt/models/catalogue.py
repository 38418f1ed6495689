"""Fault types: what a kind of fault needs on site. The built-in ones are proposals."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import Field, model_validator

from dispatchopt.models.base import Id, Level, Model, Priority, Seconds

RepairLimitClass = Literal["BB", "VOICE", "LEASED", "CPE", "MOBILE"]


class DurationSeconds(Model):
    """Time on site in seconds: mean and quantiles (log-normal where proposed)."""

    mean: Seconds
    p50: Seconds | None = None
    p80: Seconds | None = None
    p90: Seconds | None = None

    @model_validator(mode="after")
    def _quantiles_rise(self) -> DurationSeconds:
        given = [value for value in (self.p50, self.p80, self.p90) if value is not None]
        if given != sorted(given):
            raise ValueError("p50, p80 and p90 must not fall")
        return self


class FaultType(Model):
    """A kind of fault, with the defaults that its tickets take.

    Attributes
    ----------
    code
        The name that tickets use.
    name_en, name_zh
        Names for people.
    skills
        Least level by skill.
    duration
        Seconds on site; the mean is the default of a ticket's duration.
    tools, parts
        Packing list of the run sheet; no rule reads it.
    default_priority, crew_size, repair_limit_class
        For sources whose tickets lack them.
    """

    code: Id
    name_en: str = ""
    name_zh: str = ""
    skills: dict[Id, Level] = {}
    crew_size: Annotated[int, Field(strict=True, ge=1, le=100)] = 1
    duration: DurationSeconds
    tools: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    default_priority: Priority = 3
    repair_limit_class: RepairLimitClass | None = None


@cache
def builtin_fault_types() -> tuple[FaultType, ...]:
    """Return the 17 telecom fault types shipped with the package.

    Durations, skills and priorities are proposals, neither measured nor sourced: replace them with
    figures from your own history (`Problem.fault_types`).
    """
    text = resources.files("dispatchopt.models").joinpath("fault_catalogue.json").read_text("utf-8")
    return tuple(FaultType.model_validate(item) for item in json.loads(text)["fault_types"])
