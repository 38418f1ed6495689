"""Proposed windows for people: lines for a dispatcher, a table with the texts for the customers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from dispatchopt.adapters.local_time import iso_local
from dispatchopt.adapters.people_csv import people_csv
from dispatchopt.report.customer import CustomerTexts
from dispatchopt.report.minutes import whole_percent
from dispatchopt.report.offers import coming
from dispatchopt.report.readable import counted
from dispatchopt.report.summary import columns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from dispatchopt.models import NotProposed, Proposals
    from dispatchopt.report.own_texts import Texts

NOT_PROPOSED_WORDS: Final[Mapping[NotProposed, str]] = {
    "UNSERVED": "left out of the plan",
    "UNDER_WAY": "the engineer is on site",
    "TOO_SOON": "planned within the lead time",
    "OUTSIDE_WISHES": "the customer's wishes leave less than half an hour around its start",
    "OUTSIDE_VISITING_HOURS": "planned outside the visiting hours, or just before they end",
    "AFTER_SERVICE_LIMIT": "less than half an hour until its latest start",
    "TOO_UNCERTAIN": "no window is wide enough to be kept surely",
    "WOULD_WEAKEN_PROMISE": "other windows would become too unlikely",
}
"""Why a ticket gets no window."""


def proposal_lines(proposals: Proposals, zone: tzinfo) -> list[str]:
    """Write the windows, and how many tickets have none by reason."""
    count = len(proposals.proposals)
    best = ", as narrow as can be" if count and proposals.is_narrowest else ""
    lines = [f"{counted(count, 'window')} proposed{best}"]
    if count:
        when = CustomerTexts(zone, language="en").when
        rows = [("ticket", "window", "kept", "engineer")]
        rows += [
            (p.ticket_id, when(p.window), f"{whole_percent(p.kept_probability)}%", p.engineer_id)
            for p in proposals.proposals
        ]
        lines += columns(rows)
    for reason, number in Counter(proposals.not_proposed.values()).most_common():
        lines.append(f"not proposed: {number} {reason} ({NOT_PROPOSED_WORDS[reason]})")
    return lines


def proposals_csv(proposals: Proposals, zone: tzinfo, texts: Texts | None = None) -> bytes:
    """Write one row for each window, with the text for the customer in both languages.

    Parameters
    ----------
    texts
        Own templates by language and name.
    """
    own: Texts = texts or {}
    writers = [CustomerTexts(zone, language=it, templates=own.get(it)) for it in ("en", "zh")]
    header = [
        "ticket_id", "open", "close", "kept_probability", "start", "minutes_p50", "minutes_p80",
        "shift_id", "engineer_id", "engineer_name", "text_en", "text_zh",
    ]  # fmt: skip
    rows = [
        [
            p.ticket_id,
            iso_local(p.window.open, zone),
            iso_local(p.window.close, zone),
            str(p.kept_probability),
            iso_local(p.start, zone),
            str(-(-p.duration_p50 // 60)),
            str(-(-p.duration_p80 // 60)),
            p.shift_id,
            p.engineer_id,
            p.engineer_name or "",
            *(writer.proposal(p.ticket_id, coming(p)) for writer in writers),
        ]
        for p in proposals.proposals
    ]
    return people_csv(header, rows)
