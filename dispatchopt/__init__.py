"""Dispatch of telecom repair tickets to field engineers, with honest reasons for what stays out.

The names below are public, and so are those of `dispatchopt.adapters.tmf` and
`dispatchopt.adapters.vroom`; anything else may change. Heavy engines load when first used.
"""

from __future__ import annotations

import logging
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dispatchopt.errors import (
    AdapterError,
    BookingConflictError,
    DispatchError,
    InternalError,
    InvalidBookingError,
    InvalidProblemError,
    Issue,
    PlanConflictError,
    PublisherBusyError,
    UnsupportedRuleError,
)

if TYPE_CHECKING:
    from dispatchopt.adapters.csv_folder import read_folder, write_folder
    from dispatchopt.adapters.database import Database
    from dispatchopt.adapters.frames import (
        plan_to_frame,
        problem_from_frames,
        problem_to_frames,
        unserved_to_frame,
    )
    from dispatchopt.adapters.json_files import read_plan, read_problem, write_plan, write_problem
    from dispatchopt.adapters.outbox import Outbox
    from dispatchopt.adapters.workbook import read_workbook, write_workbook
    from dispatchopt.booking import Booking, BookingEvent, Desk, Ledger, Rebased
    from dispatchopt.checker import Report, check
    from dispatchopt.generator import generate
    from dispatchopt.limits import Limited, LimitPreset, apply_limits, contact_by
    from dispatchopt.models import (
        Break,
        Engineer,
        FaultType,
        Forced,
        Matrix,
        Offer,
        Offers,
        Plan,
        Point,
        Policy,
        Problem,
        Profiles,
        Proposal,
        Proposals,
        Route,
        Shift,
        Skill,
        Slot,
        Span,
        StraightLine,
        Ticket,
        Visit,
        Window,
    )
    from dispatchopt.models.intake import Intake
    from dispatchopt.report.contact import FirstContact
    from dispatchopt.report.customer import Coming, CustomerTexts
    from dispatchopt.report.outputs import write_outputs
    from dispatchopt.solve import Planner, Progress, Result, solve
    from dispatchopt.windows.forced import offer_forced
    from dispatchopt.windows.offers import offer_windows
    from dispatchopt.windows.propose import propose_windows

__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())

_WHERE = {
    "Booking": "dispatchopt.booking",
    "BookingEvent": "dispatchopt.booking",
    "Desk": "dispatchopt.booking",
    "Rebased": "dispatchopt.booking",
    "Ledger": "dispatchopt.booking",
    "Database": "dispatchopt.adapters.database",
    "Outbox": "dispatchopt.adapters.outbox",
    "read_folder": "dispatchopt.adapters.csv_folder",
    "write_folder": "dispatchopt.adapters.csv_folder",
    "plan_to_frame": "dispatchopt.adapters.frames",
    "problem_from_frames": "dispatchopt.adapters.frames",
    "problem_to_frames": "dispatchopt.adapters.frames",
    "unserved_to_frame": "dispatchopt.adapters.frames",
    "read_plan": "dispatchopt.adapters.json_files",
    "read_problem": "dispatchopt.adapters.json_files",
    "write_plan": "dispatchopt.adapters.json_files",
    "write_problem": "dispatchopt.adapters.json_files",
    "read_workbook": "dispatchopt.adapters.workbook",
    "write_workbook": "dispatchopt.adapters.workbook",
    "Report": "dispatchopt.checker",
    "check": "dispatchopt.checker",
    "generate": "dispatchopt.generator",
    "LimitPreset": "dispatchopt.limits",
    "Limited": "dispatchopt.limits",
    "apply_limits": "dispatchopt.limits",
    "contact_by": "dispatchopt.limits",
    "Intake": "dispatchopt.models.intake",
    "FirstContact": "dispatchopt.report.contact",
    "Coming": "dispatchopt.report.customer",
    "CustomerTexts": "dispatchopt.report.customer",
    "write_outputs": "dispatchopt.report.outputs",
    "Planner": "dispatchopt.solve",
    "Progress": "dispatchopt.solve",
    "Result": "dispatchopt.solve",
    "solve": "dispatchopt.solve",
    "offer_forced": "dispatchopt.windows.forced",
    "offer_windows": "dispatchopt.windows.offers",
    "propose_windows": "dispatchopt.windows.propose",
    **dict.fromkeys(
        (
            "Break",
            "Engineer",
            "FaultType",
            "Forced",
            "Matrix",
            "Offer",
            "Offers",
            "Plan",
            "Point",
            "Policy",
            "Problem",
            "Profiles",
            "Proposal",
            "Proposals",
            "Route",
            "Shift",
            "Skill",
            "Slot",
            "Span",
            "StraightLine",
            "Ticket",
            "Visit",
            "Window",
        ),
        "dispatchopt.models",
    ),
}

__all__ = [
    "AdapterError",
    "Booking",
    "BookingConflictError",
    "BookingEvent",
    "Break",
    "Coming",
    "CustomerTexts",
    "Database",
    "Desk",
    "DispatchError",
    "Engineer",
    "FaultType",
    "FirstContact",
    "Forced",
    "Intake",
    "InternalError",
    "InvalidBookingError",
    "InvalidProblemError",
    "Issue",
    "Ledger",
    "LimitPreset",
    "Limited",
    "Matrix",
    "Offer",
    "Offers",
    "Outbox",
    "Plan",
    "PlanConflictError",
    "Planner",
    "Point",
    "Policy",
    "Problem",
    "Profiles",
    "Progress",
    "Proposal",
    "Proposals",
    "PublisherBusyError",
    "Rebased",
    "Report",
    "Result",
    "Route",
    "Shift",
    "Skill",
    "Slot",
    "Span",
    "StraightLine",
    "Ticket",
    "UnsupportedRuleError",
    "Visit",
    "Window",
    "apply_limits",
    "check",
    "contact_by",
    "generate",
    "offer_forced",
    "offer_windows",
    "plan_to_frame",
    "problem_from_frames",
    "problem_to_frames",
    "propose_windows",
    "read_folder",
    "read_plan",
    "read_problem",
    "read_workbook",
    "solve",
    "unserved_to_frame",
    "write_folder",
    "write_outputs",
    "write_plan",
    "write_problem",
    "write_workbook",
]


def __getattr__(name: str) -> Any:  # Any: the public names have many types
    from importlib import import_module

    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """Keeps `dispatchopt.solve` the function, though a module bears the same name."""

    def __setattr__(self, name: str, value: object) -> None:
        """Put the function where the import of the module would put the module."""
        if name == "solve" and isinstance(value, ModuleType):
            value = value.solve
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
