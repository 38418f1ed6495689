"""A customer calls: offer windows, hold one, confirm it; then propose windows to all the others."""

from __future__ import annotations

import dispatchopt as do
from dispatchopt.report.minutes import whole_percent
from dispatchopt.report.offers import coming, offer_lines


def main() -> None:
    """Plan three days, answer one call, look at all others."""
    problem = do.generate(tickets=45, days=3, seed=4)
    planner = do.Planner(problem)
    plan = planner.solve(iterations=300, seed=1, threads=1).plan

    caller = next(ticket for ticket in problem.tickets if ticket.appointment is None)
    ticket = caller.model_copy(
        update={"id": "T-CALL", "windows": (), "due": None}
    )  # a fault reported just now
    desk = do.Desk(planner, plan)
    offers = desk.offer(ticket, count=4)
    print("\n".join(offer_lines(offers, problem.zone)))

    texts = do.CustomerTexts(problem.zone, language="zh")
    print("\n" + texts.offer(ticket.id, [coming(offer) for offer in offers]))
    chosen = offers[0]
    held = desk.hold(ticket, chosen, request_id="call-17")
    desk.confirm(ticket.id, request_id="call-17-yes", version=held.version)
    print("\n" + texts.confirmation(ticket.id, coming(chosen)))

    proposals = do.propose_windows(do.Planner(desk.problem()), desk.plan())
    print(f"\n{len(proposals.proposals)} windows for those who have not called yet, such as")
    for proposal in proposals.proposals[:3]:
        when = texts.when(proposal.window)
        print(f"  {proposal.ticket_id} {when} kept {whole_percent(proposal.kept_probability)}%")


if __name__ == "__main__":
    main()
