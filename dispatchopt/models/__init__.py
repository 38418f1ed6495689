"""Domain models: what a ticketing backend or a dispatcher writes and reads."""

from dispatchopt.models.base import Place, Point, Span, Window
from dispatchopt.models.catalogue import DurationSeconds, FaultType, builtin_fault_types
from dispatchopt.models.engineer import Break, Engineer, Shift, Skill
from dispatchopt.models.offer import Forced, GradeParts, Moved, NotOffered, Offer, Offers
from dispatchopt.models.plan import (
    Cost,
    NotPlannable,
    Overridden,
    Plan,
    Provenance,
    Rejected,
    Route,
    Unserved,
    Visit,
    WeakenedPromise,
)
from dispatchopt.models.policy import Policy
from dispatchopt.models.problem import Problem
from dispatchopt.models.proposal import NotProposed, Proposal, Proposals
from dispatchopt.models.slots import Slot
from dispatchopt.models.ticket import Ticket
from dispatchopt.models.travel import UNREACHABLE, Matrix, Profiles, StraightLine, Travel

__all__ = [
    "UNREACHABLE",
    "Break",
    "Cost",
    "DurationSeconds",
    "Engineer",
    "FaultType",
    "Forced",
    "GradeParts",
    "Matrix",
    "Moved",
    "NotOffered",
    "NotPlannable",
    "NotProposed",
    "Offer",
    "Offers",
    "Overridden",
    "Place",
    "Plan",
    "Point",
    "Policy",
    "Problem",
    "Profiles",
    "Proposal",
    "Proposals",
    "Provenance",
    "Rejected",
    "Route",
    "Shift",
    "Skill",
    "Slot",
    "Span",
    "StraightLine",
    "Ticket",
    "Travel",
    "Unserved",
    "Visit",
    "WeakenedPromise",
    "Window",
    "builtin_fault_types",
]
