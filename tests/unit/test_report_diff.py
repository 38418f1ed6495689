from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from dispatchopt.adapters.json_files import write_plan, write_problem
from dispatchopt.cli import app
from dispatchopt.models import Plan, Problem
from dispatchopt.report.diff import ChangeReason, diff_plans
from dispatchopt.report.diff_text import diff_lines
from dispatchopt.report.reason_words import REASONS, reason_words
from tests.unit.raw_data import Raw, at, raw_engineer, raw_problem, raw_ticket
from tests.unit.test_docs import QUOTED, page

if TYPE_CHECKING:
    from pathlib import Path


def route(engineer: str, *visits: tuple[str, str], shift: str | None = None) -> Raw:
    return {
        "shift_id": shift or f"S-{engineer}",
        "engineer_id": engineer,
        "visits": [{"ticket_id": ticket, "start": at(clock)} for ticket, clock in visits],
    }


def plan(*routes: Raw, **fields: Any) -> Plan:
    return Plan.model_validate({"routes": list(routes), **fields})


def before() -> Plan:
    raw = route("E1", ("T1", "08:00"), ("T2", "09:00"), ("T3", "10:00"))
    raw["visits"][1]["promised"] = {"open": at("09:00"), "close": at("11:00")}
    return plan(
        raw,
        route("E2", ("T4", "08:00"), ("T5", "09:00"), ("T6", "10:00")),
        plan_id="old",
        unserved=[
            {"ticket_id": "T7", "reason": "LOST_TO_OTHERS"},
            {"ticket_id": "T8", "reason": "NO_PARTS"},
        ],
        cost={"total": 7200, "by_rule": {"travel": 7200}},
    )


def after() -> Plan:
    """T1 stays, T2 at another time without its promise, T3 left out, E2 away, T9 and T0 new."""
    return plan(
        route("E1", ("T1", "08:00"), ("T2", "09:30"), ("T4", "11:00"), ("T7", "12:00")),
        route("E3", ("T9", "08:00")),
        plan_id="new",
        unserved=[
            {"ticket_id": "T3", "reason": "LOST_TO_OTHERS"},
            {"ticket_id": "T8", "reason": "NO_PARTS"},
            {"ticket_id": "T0", "reason": "NO_PARTS"},
        ],
        not_plannable=[{"ticket_id": "T5", "status": "done"}],
        cost={"total": 3600, "by_rule": {"travel": 3600}},
    )


def problem() -> Problem:
    """E2 has no shift."""
    return Problem.model_validate(
        raw_problem(
            tickets=[raw_ticket(f"T{i}") for i in range(10) if i != 6],
            engineers=[raw_engineer("E1"), raw_engineer("E2", shifts=[]), raw_engineer("E3")],
        )
    )


def test_every_ticket_that_did_not_stay_has_a_reason() -> None:
    found = diff_plans(before(), after(), problem=problem())
    told = [(c.ticket_id, c.kind, c.reason, c.unserved) for c in found.changes]
    assert told == [
        ("T7", "gained", "WAS_LEFT_OUT", "LOST_TO_OTHERS"),
        ("T9", "gained", "NEW_TICKET", ""),
        ("T3", "lost", "LEFT_OUT", "LOST_TO_OTHERS"),
        ("T5", "lost", "DONE", ""),
        ("T6", "lost", "NO_LONGER_LISTED", ""),
        ("T4", "moved", "ENGINEER_AWAY", ""),
        ("T2", "retimed", "RE_OPTIMISED", ""),
    ]
    assert found.kept == 1
    assert found.left_out_again == ("T8",)
    assert found.newly_left_out == ("T0",)
    assert [(w.ticket_id, w.after) for w in found.windows] == [("T2", None)]


def test_what_a_foreign_plan_does_not_mention_is_still_in_the_input() -> None:
    # Orders only, of T1: the problem lists all but T6.
    raw = raw_problem(
        tickets=[
            raw_ticket(f"T{i}", **({"status": "done"} if i == 5 else {}))
            for i in range(1, 10)
            if i != 6
        ],
        engineers=[raw_engineer("E1"), raw_engineer("E2")],
    )
    found = diff_plans(
        before(), plan(route("E1", ("T1", "08:00"))), problem=(p := Problem.model_validate(raw))
    )
    assert {change.ticket_id: change.reason for change in found.changes} == {
        "T2": "NOT_MENTIONED", "T3": "NOT_MENTIONED", "T4": "NOT_MENTIONED", "T5": "DONE",
        "T6": "NO_LONGER_LISTED",
    }  # fmt: skip
    assert found.left_out_again == ("T7", "T8")
    assert found.newly_left_out == ("T9",)
    assert [(w.ticket_id, w.after) for w in found.windows] == [("T2", None)]
    assert any(
        "not in the newer plan, though the input lists it" in line for line in diff_lines(found)
    )
    assert diff_plans(before(), before(), problem=p).newly_left_out == ("T9",)


def test_without_the_problem_nobody_is_away() -> None:
    found = diff_plans(before(), after())
    assert [c.reason for c in found.of_kind("moved")] == ["RE_OPTIMISED"]


def test_what_a_status_or_a_fault_did() -> None:
    old = plan(
        route("E1", ("T1", "08:00"), ("T2", "09:00"), ("T3", "10:00")),
        not_plannable=[{"ticket_id": "T4", "status": "parked"}],
        rejected=[{"ticket_id": "T5", "issues": []}],
    )
    new = plan(
        route("E1", ("T4", "08:00"), ("T5", "09:00")),
        not_plannable=[
            {"ticket_id": "T1", "status": "cancelled"},
            {"ticket_id": "T2", "status": "parked"},
        ],
        rejected=[{"ticket_id": "T3", "issues": []}],
    )
    reasons = {c.ticket_id: c.reason for c in diff_plans(old, new).changes}
    assert reasons == {
        "T1": "CANCELLED", "T2": "PARKED", "T3": "REJECTED", "T4": "WAS_NOT_PLANNABLE",
        "T5": "WAS_REJECTED",
    }  # fmt: skip


ENGLISH = """\
Plan new against old (Asia/Shanghai)
Visits: 1 kept, 2 gained, 3 lost, 1 to another engineer, 1 at another time
Cost 7 200 -> 3 600, -1.0 h of work (two inputs: the costs do not say which plan is better)

E1
  + T7  11-23 12:00  was left out: gave way to tickets worth more (LOST_TO_OTHERS)
  + T4  11-23 11:00  from E2  E2 is away
  - T3  11-23 10:00  left out: gave way to tickets worth more (LOST_TO_OTHERS)
  ~ T2  11-23 09:00 -> 11-23 09:30  re-optimised

E2
  - T5  11-23 09:00  done
  - T6  11-23 10:00  no longer listed
  - T4  11-23 08:00  to E1  E2 is away

E3
  + T9  11-23 08:00  new ticket

Left out again (1): T8
New and left out (1): T0
Promised windows changed: T2 11-23 09:00-11:00 -> no promise"""


def test_the_text() -> None:
    found = diff_plans(before(), after(), problem=problem())
    assert "\n".join(diff_lines(found, problem=problem())) == ENGLISH
    chinese = "\n".join(diff_lines(found, language="zh", problem=problem()))
    assert "保持不变 1，新增 2，取消 3，换人 1，改时间 1" in chinese
    assert "+ T4  11-23 11:00  原为E2  E2不在岗" in chinese
    assert "未安排：让位于更重要的工单" in chinese
    assert "T2 11-23 09:00-11:00 -> 无约定" in chinese


def test_the_same_plan_has_no_changes() -> None:
    found = diff_plans(before(), before())
    assert (found.changes, found.windows, found.kept) == ((), (), 6)
    assert "The visits are the same." in diff_lines(found)


def test_the_page_tells_every_reason_of_a_change() -> None:
    quoted = set(QUOTED.findall(page("docs/night.md")))
    assert set(get_args(ChangeReason)) <= quoted


def test_every_reason_has_words() -> None:
    text = page("docs/rules.md")
    quoted = {name for name in QUOTED.findall(text) if name.isupper() and len(name) > 3}
    assert set(REASONS) == quoted
    for reason in REASONS:
        assert reason_words(reason, "en") != reason != reason_words(reason, "zh")
    assert reason_words("THEIR_OWN", "zh") == "THEIR_OWN"


_TICKETS = st.lists(st.sampled_from([f"T{i}" for i in range(6)]), unique=True)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    order = draw(_TICKETS)
    a, b = sorted(draw(st.tuples(st.integers(0, len(order)), st.integers(0, len(order)))))
    slots = [(ticket, f"{8 + i:02}:00") for i, ticket in enumerate(order)]
    left = [{"ticket_id": ticket, "reason": "NO_PARTS"} for ticket in order[b:]]
    return plan(route("E1", *slots[:a]), route("E2", *slots[a:b]), unserved=left)


@given(old=plans(), new=plans())
def test_the_changes_turn_one_plan_into_the_other(old: Plan, new: Plan) -> None:
    found = diff_plans(old, new)
    state = {v.ticket_id: (r.engineer_id, v.start) for r in old.routes for v in r.visits}
    for change in found.changes:
        if change.after is None:
            del state[change.ticket_id]
        else:
            state[change.ticket_id] = (change.after.engineer_id, change.after.start)
    assert state == {v.ticket_id: (r.engineer_id, v.start) for r in new.routes for v in r.visits}
    assert found.kept + len(found.changes) == len(
        {v.ticket_id for p in (old, new) for r in p.routes for v in r.visits}
    )
    listed = [item for items in found.by_engineer().values() for item in items]
    assert len(listed) == len(found.changes) + len(found.of_kind("moved"))


def test_the_command(tmp_path: Path) -> None:
    write_plan(before(), tmp_path / "old.json")
    (tmp_path / "new").mkdir()
    write_plan(after(), tmp_path / "new" / "plan.json")
    write_problem(problem(), tmp_path / "problem.json")
    arguments = ["diff", str(tmp_path / "old.json"), str(tmp_path / "new")]
    found = CliRunner().invoke(app, [*arguments, "--problem", str(tmp_path / "problem.json")])
    assert found.exit_code == 0, found.output
    assert found.stdout.strip() == ENGLISH
    found = CliRunner().invoke(app, [*arguments, "--json"])
    data = json.loads(found.stdout)
    assert data["counts"]["gained"] == 2
    assert data["changes"][0]["unserved_reason"] == "LOST_TO_OTHERS"
    assert data["cost"]["after"] == {"total": 3600, "by_rule": {"travel": 3600}}
    found = CliRunner().invoke(app, ["diff", str(tmp_path / "none"), str(tmp_path / "new")])
    assert found.exit_code == 2
    assert "none" in found.stderr
