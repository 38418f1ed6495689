from __future__ import annotations

import csv
import io
from typing import get_args
from zoneinfo import ZoneInfo

from dispatchopt.models import NotProposed, Proposals
from dispatchopt.report.proposals import NOT_PROPOSED_WORDS, proposal_lines, proposals_csv
from tests.unit.raw_data import at

SHANGHAI = ZoneInfo("Asia/Shanghai")


def proposals(*, is_narrowest: bool = True) -> Proposals:
    common = {"shift_id": "S1", "duration_p50": 43 * 60, "duration_p80": 58 * 60 + 1}
    return Proposals.model_validate(
        {
            "proposals": [
                {
                    "ticket_id": "T1", "window": {"open": at("08:00"), "close": at("09:00")},
                    "engineer_id": "E1", "engineer_name": "=张三", "start": at("08:10"),
                    "kept_probability": 0.999, **common,
                },
                {
                    "ticket_id": "T10", "window": {"open": at("10:00"), "close": at("12:00")},
                    "engineer_id": "E10", "start": at("10:20"), "kept_probability": 1.0, **common,
                },
            ],
            "not_proposed": {"T3": "UNSERVED", "T4": "TOO_UNCERTAIN", "T5": "UNSERVED"},
            "is_narrowest": is_narrowest,
        }
    )  # fmt: skip


def test_lines_for_a_dispatcher() -> None:
    assert proposal_lines(proposals(), SHANGHAI) == [
        "2 windows proposed, as narrow as can be",
        "ticket                   window  kept  engineer",
        "T1      Mon 23 Nov, 08:00-09:00   99%        E1",
        "T10     Mon 23 Nov, 10:00-12:00   99%       E10",
        "not proposed: 2 UNSERVED (left out of the plan)",
        "not proposed: 1 TOO_UNCERTAIN (no window is wide enough to be kept surely)",
    ]
    assert proposal_lines(proposals(is_narrowest=False), SHANGHAI)[0] == "2 windows proposed"
    none = Proposals(proposals=(), not_proposed={}, is_narrowest=True)
    assert proposal_lines(none, SHANGHAI) == ["0 windows proposed"]


def test_the_table_holds_the_texts_and_no_formula() -> None:
    text = proposals_csv(proposals(), SHANGHAI).decode("utf-8-sig")
    first, second = csv.DictReader(io.StringIO(text))
    assert first["open"] == at("08:00")
    assert (first["minutes_p50"], first["minutes_p80"]) == ("43", "59")
    assert first["engineer_name"] == "'=张三"
    assert "明天" not in first["text_zh"] and "11月23日（周一）08:00-09:00" in first["text_zh"]
    assert second["engineer_name"] == ""
    assert second["text_en"].startswith("Your repair T10: may we come Mon 23 Nov, 10:00-12:00?")


def test_every_reason_has_words() -> None:
    assert set(NOT_PROPOSED_WORDS) == set(get_args(NotProposed))
