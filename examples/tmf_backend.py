"""Plan TM Forum trouble tickets, and write what the ticketing system is to know."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import dispatchopt as do
from dispatchopt.adapters import tmf

FOLDER = Path(__file__).parent / "data" / "tmf"


def main() -> None:
    """Read, plan, write updates and work orders; answer a search for time slots."""
    documents = json.loads((FOLDER / "tickets.json").read_text("utf-8"))
    roster = do.read_problem(FOLDER / "roster.json").problem
    sites = {
        "SITE-1": do.Point(lon=121.452, lat=31.214),
        "SITE-2": do.Point(lon=121.481, lat=31.243),
        "SITE-3": do.Point(lon=121.437, lat=31.229),
    }
    intake = tmf.problem_from_tmf621(
        documents,
        roster,
        locate=tmf.locate_places(sites),
        fault_types={"FTTH_LOS": "FTTH_LOS_DROP"},
    )
    problem = intake.problem
    plan = do.solve(problem, iterations=2000, threads=1).plan

    noted_at = datetime(2026, 11, 23, 7, 50, tzinfo=problem.zone)
    for update in tmf.tmf621_updates(documents, problem, plan, written_at=noted_at).updates:
        reason = update.body["statusChangeReason"]
        print(f"PATCH {update.path}: {update.body['status']}, {reason}")
    for order in tmf.tmf697_work_orders(problem, plan):
        work = order["workOrderItem"][0]["work"]
        (assigned,) = work["workforceEmployeeAssignment"]
        start = assigned["timeSlot"][0]["validFor"]["startDateTime"]
        print(f"POST {order['externalId']}: {assigned['workforceEmployee']['id']} at {start}")
    for ticket_id, appointment in tmf.tmf646_appointments(problem, plan).items():
        print(f"POST appointment of {ticket_id}: {appointment['validFor']['startDateTime']}")

    # The windows themselves are the caller's; here two by hand.
    search = tmf.slot_search_from_tmf646({"relatedPlace": {"id": "SITE-1", "role": "site"}})
    opens = datetime(2026, 11, 24, 9, 0, tzinfo=problem.zone)
    offers = [
        tmf.OfferedWindow(opens + timedelta(hours=h), opens + timedelta(hours=h + 2), "E1", grade)
        for h, grade in ((0, 64.0), (5, 88.5))
    ]
    answer = tmf.tmf646_offers(
        search, offers, search_id="99", searched_at=noted_at, zone=problem.zone
    )
    for slot in answer["availableTimeSlot"]:
        print(f"offer {slot['id']}: {slot['validFor']['startDateTime']}, grade {slot['grade']}")


if __name__ == "__main__":
    main()
