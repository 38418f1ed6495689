"""A plan: routes, what was left out and why, what it costs and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from dispatchopt.models.base import Id, Instant, Model, Seconds, Span, Window

Cost53 = Annotated[int, Field(strict=True, ge=0, lt=2**53)]

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
"""A probability or another part of a whole."""

if TYPE_CHECKING:
    import pandas as pd

    from dispatchopt.models.problem import Problem


class Visit(Model):
    """A ticket placed in time on a shift.

    In a route with orders only, every time is absent; it is then scheduled as soon as possible. Of
    a visit that states some of its times the others follow from these.

    Attributes
    ----------
    departure
        Leaving the place before, just in time for `start`.
    promised
        The window confirmed to the customer.
    kept_probability
        That service starts inside `promised`, as planned here; only where something is promised.
    """

    ticket_id: Id
    departure: Instant | None = None
    arrival: Instant | None = None
    start: Instant | None = None
    end: Instant | None = None
    travel_seconds: Seconds | None = None
    promised: Window | None = None
    kept_probability: Share | None = None


class Route(Model):
    """The visits of one shift in order; `start` and `end` enclose travel and breaks."""

    shift_id: Id
    engineer_id: Id | None = None
    start: Instant | None = None
    visits: tuple[Visit, ...]
    breaks: tuple[Span, ...] = ()
    end: Instant | None = None


class Unserved(Model):
    """A ticket left out, with its reason (a code) and the facts behind it."""

    ticket_id: Id
    reason: Id
    detail: dict[str, Any] = {}  # Any: counts by rule, ids, prices


class Rejected(Model):
    """A ticket refused at input, with its faults."""

    ticket_id: str
    issues: tuple[str, ...]


class NotPlannable(Model):
    """A ticket that its status keeps out of planning."""

    ticket_id: Id
    status: Literal["parked", "done", "cancelled"]


class Overridden(Model):
    """A rule that a fact overruled."""

    rule: Id
    ticket_id: Id | None = None
    shift_id: Id | None = None
    detail: str = ""


class WeakenedPromise(Model):
    """A promise that was likely enough to be kept before, and no longer is.

    Attributes
    ----------
    was
        How likely the previous plan would keep it now; as it told itself, where that is no longer
        enough.
    kept_probability
        How likely this plan keeps it; 0 if the ticket is left out.
    """

    ticket_id: Id
    was: Share
    kept_probability: Share


class Cost(Model):
    """Total and its parts by rule, in seconds of an engineer's working time."""

    total: Cost53
    by_rule: dict[Id, Cost53] = {}


class Provenance(Model):
    """What produced the plan; all but `runtime` is the same for the same call."""

    seed: int
    iterations: Annotated[int, Field(strict=True, ge=0, lt=2**63)]  # of all threads
    runtime: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    input_hash: str
    version: str


class Plan(Model):
    """A plan for a `Problem`; every ticket of the input is in exactly one of its lists."""

    schema_version: Annotated[str, StringConstraints(pattern=r"^1(\.\d+)?$")] = "1"
    plan_id: Id = "plan"
    base_version: Id | None = None
    routes: tuple[Route, ...]
    unserved: tuple[Unserved, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    not_plannable: tuple[NotPlannable, ...] = ()
    broken_promises: tuple[Id, ...] = ()
    weakened_promises: tuple[WeakenedPromise, ...] = ()
    needs_customer_consent: tuple[Id, ...] = ()
    overridden: tuple[Overridden, ...] = ()
    cost: Cost | None = None
    bound: Cost53 | None = None
    gap: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    provenance: Provenance | None = None

    def to_frame(
        self, problem: Problem | None = None, *, timezone: str | None = None
    ) -> pd.DataFrame:
        """Return one row for each visit as a pandas frame; see `adapters.frames.plan_to_frame`.

        Parameters
        ----------
        problem
            Adds what the ticket says.
        timezone
            IANA name of the zone of the times; default: that of the problem, without one UTC.
        """
        from dispatchopt.adapters.frames import plan_to_frame

        return plan_to_frame(self, problem, timezone=timezone)
