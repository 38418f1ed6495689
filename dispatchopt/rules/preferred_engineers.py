"""Price: a visit by someone else than the engineers preferred for the ticket."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from dispatchopt.rules.views import Outcome, PlanView

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context

NAME = "preferred_engineers"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Price every visit by an engineer who is not preferred where somebody is."""
    others = sum(
        bool(stop.ticket.ticket.preferred_engineers)
        and route.shift.engineer.id not in (stop.ticket.ticket.preferred_engineers or ())
        for route, stop in plan.visits()
    )
    return Outcome(ctx.problem.policy.not_preferred_cost * others)


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Price each group of equal wishes on the shifts of everybody else."""
    groups: defaultdict[frozenset[str], list[int]] = defaultdict(list)
    for ticket in ctx.tickets.values():
        if ticket.ticket.preferred_engineers:
            preferred = frozenset(ticket.ticket.preferred_engineers)
            groups[preferred].append(forms.ticket_index[ticket.id])
    for preferred, tickets in groups.items():
        forms.price(
            tickets,
            (
                forms.shift_index[s.id]
                for s in ctx.shifts.values()
                if s.engineer.id not in preferred
            ),
            ctx.problem.policy.not_preferred_cost,
        )
