from __future__ import annotations

from datetime import datetime, timedelta

from dispatchopt.models import Plan, Problem
from dispatchopt.report.chat import chat_texts
from dispatchopt.report.contact import FirstContact
from tests.unit.raw_data import at, raw_problem
from tests.unit.report_day import day, plan, raw_plan, raw_tickets

ENGLISH = """\
11-23 Mon · E1 张三 · 2 visits (08:00-12:00)
1. 08:10-08:40 T1 P1 No light: drop-fibre break (home side)
   Place: x
   Parts: ONT × 1; usual: drop cable, fast connectors or heat-shrink sleeves, fibre wall outlet
   Call the customer by 08:00
2. 09:30-10:00 T2 P2 Weak optical power (< -27 dBm)
   Place: 3 Lake Road # not a heading
   Parts: ONT × 1; usual: fast connectors, pigtails, fibre adapters
   Promised: 09:00-09:30
   Call the customer by 08:30
"""

CHINESE = """\
【派工】11-23 周一 E1 张三，共2单（08:00-12:00）
1. 08:10-08:40 T1 P1 光猫LOS红灯/皮线断纤
   地点：x
   备件：光猫 × 1；常用：皮线光缆、快速连接器/热缩管、光纤插座
   请在08:00前联系客户
2. 09:30-10:00 T2 P2 光衰过大/弱光
   地点：3 Lake Road # not a heading
   备件：光猫 × 1；常用：快速连接器、尾纤、法兰
   约定：09:00-09:30
   请在08:30前联系客户
"""


def test_the_texts() -> None:
    # T1: half an hour from 08:00, but the engineer leaves at 08:00. T2 leaves at 09:00.
    assert chat_texts(day(), plan(), language="en")["E1"] == ENGLISH
    assert chat_texts(day(), plan(), language="zh")["E1"] == CHINESE


def test_the_deadline_counts_from_the_release() -> None:
    texts = [
        chat_texts(day(), plan(), language="en", contact=FirstContact(released, minutes))["E1"]
        for released, minutes in (
            (datetime.fromisoformat(at("07:00")), 30),
            (datetime.fromisoformat(at("08:45")), 30),
            (datetime.fromisoformat(at("07:00")), 45),
            (datetime.fromisoformat(at("07:00")) - timedelta(days=1), 30),
        )
    ]
    # Released after the engineer left for T1: at once.
    found = [[t.split("by ")[1] for t in text.splitlines() if "Call" in t] for text in texts]
    assert found == [["07:30", "07:30"], ["08:45", "09:00"], ["07:45", "07:45"],
                     ["11-22 07:30", "11-22 07:30"]]  # fmt: skip


def test_pairs_moved_visits_and_those_under_way() -> None:
    raw = raw_plan() | {"needs_customer_consent": ["T3"]}
    text = chat_texts(day(), Plan.model_validate(raw), language="zh")["E/2"]
    assert "需2人" in text
    assert "须先征得客户同意" in text
    tickets = raw_tickets()
    tickets[0] |= {"lock": "started", "assigned_engineer": "E1", "assigned_start": at("08:10")}
    begun = chat_texts(day(tickets=tickets), plan(), language="zh")["E1"].split("\n2. ")[0]
    assert "正在现场处理" in begun
    assert "联系" not in begun


def test_an_engineer_without_visits_gets_a_text() -> None:
    task = Problem.model_validate(raw_problem())
    assert chat_texts(task, Plan(routes=()), language="zh") == {
        "E1": "【派工】11-23 周一 E1，无上门安排（08:00-17:00）\n"
    }
    text = chat_texts(task, Plan(routes=()), language="en")["E1"]
    assert text == "11-23 Mon · E1 · no visits (08:00-17:00)\n"


def test_parts_that_are_only_usual() -> None:
    tickets = raw_tickets()
    del tickets[0]["parts"]
    text = chat_texts(day(tickets=tickets), plan(), language="zh")["E1"]
    assert "   常用备件：皮线光缆、快速连接器/热缩管、光纤插座\n" in text


def test_names_and_phones_of_customers_stay_out_and_addresses_are_one_line() -> None:
    tickets = raw_tickets()
    tickets[0]["attributes"] = {
        "客户": "李四", "电话": "13800000000", "小区": "湖景苑", "楼栋": 3, "房间": None,
        "备注": "call Li", "address": "Lake\nRoad",
    }  # fmt: skip
    text = chat_texts(day(tickets=tickets), plan(), language="zh")["E1"]
    assert "地点：湖景苑 3 Lake Road\n" in text
    for private in ("李四", "13800000000", "call Li"):
        assert private not in text
