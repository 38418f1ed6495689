"""Jobs of a VROOM document as tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatchopt.adapters.vroom.documents import JOB_TYPE, NOTES, Job
from dispatchopt.adapters.vroom.times import Times, longest_service, longest_setup
from dispatchopt.errors import Issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.adapters.vroom.places import Places
    from dispatchopt.adapters.vroom.prices import Prices

_KEPT = ("description", "location", "setup", "service", "delivery", "pickup", "priority")


def raw_ticket(
    job: Job, places: Places, times: Times, prices: Prices, differs: list[Issue]
) -> dict[str, Any]:
    """Return a job as a raw ticket; what counts otherwise goes to `differs`.

    Setup and service together are the duration, one second at least. Of durations by type of
    vehicle the longest counts.
    """
    number = str(job.id)
    duration = longest_setup(job) + longest_service(job)
    if job.setup_per_type or job.service_per_type:
        message = "of durations by type of vehicle the longest counts for all"
        differs.append(Issue("ticket", number, "service_per_type", "", message))
    if longest_setup(job):
        message = "is counted at every visit, at a place where the vehicle already is, too"
        differs.append(Issue("ticket", number, "setup", "", message))
    if duration == 0:
        message = "a visit lasts one second at least"
        differs.append(Issue("ticket", number, "service", "0", message))
    notes = job.model_dump(mode="json", include=set(_KEPT), exclude_defaults=True)
    notes |= {"delivery": list(job.delivered)} if job.delivered else {}
    parts = {amount_name(i): n for i, n in enumerate(amounts(job)) if n}
    windows = [{"open": times.at(a), "close": times.at(b)} for a, b in job.time_windows]
    return {
        "id": number,
        "fault_type": JOB_TYPE,
        "place": places.of(job.location, job.location_index),
        **prices.of(job),
        "duration": max(1, duration),
        "skills": {str(skill): 1 for skill in job.skills},
        **({"windows": windows} if windows else {}),
        **({"parts": parts} if parts else {}),
        **({"attributes": {NOTES: notes}} if notes else {}),
    }


def amounts(job: Job) -> tuple[int, ...]:
    """Return what the job takes of each capacity.

    What is delivered and what is picked up are on board at different times; their sum is the most
    that they can take together.
    """
    size = max(len(job.delivered), len(job.pickup))
    both = (
        [*quantities, *(0,) * (size - len(quantities))]
        for quantities in (job.delivered, job.pickup)
    )
    return tuple(sum(pair) for pair in zip(*both, strict=True))


def amount_name(index: int) -> str:
    """Return the part that stands for one of VROOM's amounts."""
    return f"amount-{index}"


def note_mixed_amounts(jobs: Sequence[Job], differs: list[Issue]) -> None:
    """Note that deliveries and pickups of one capacity count together."""
    delivered = {i for job in jobs for i, n in enumerate(job.delivered) if n}
    picked_up = {i for job in jobs for i, n in enumerate(job.pickup) if n}
    for index in sorted(delivered & picked_up):
        message = "what a route delivers and picks up must fit together, as if on board at once"
        differs.append(Issue("problem", "", f"amount {index}", "", message))
