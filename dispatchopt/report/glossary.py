"""Chinese and English words of the run sheets: tools and parts of the catalogue, usual notes.

The built-in catalogue names tools and parts in Chinese. What is not listed here, an operator's own
words among them, is shown as it is in both languages.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatchopt.models import FaultType

Language = Literal["en", "zh"]

_TOOLS: Final = {
    "红光笔": "visual fault locator",
    "光功率计": "optical power meter",
    "热熔机/冷接工具": "fusion splicer or mechanical splicing kit",
    "冷接工具": "mechanical splicing kit",
    "清洁笔": "fibre cleaning pen",
    "OTDR": "OTDR",
    "梯具": "ladder",
    "熔接机": "fusion splicer",
    "发电机": "generator",
    "车": "vehicle",
    "笔记本/手机": "laptop or phone",
    "笔记本": "laptop",
    "LOID/密码": "LOID and password",
    "测速终端": "speed test device",
    "测线仪": "cable tester",
    "WiFi测试App": "Wi-Fi test app",
    "测试终端": "test device",
    "寻线仪": "wire tracer",
    "测试话机": "test telephone",
    "线路测试仪": "line tester",
    "误码仪/测试仪": "bit error rate tester",
    "测试仪": "line quality tester",
    "路测仪": "drive test kit",
    "驻波仪": "VSWR meter",
    "钉枪": "staple gun",
}

_PARTS: Final = {
    "皮线光缆": "drop cable",
    "快速连接器/热缩管": "fast connectors or heat-shrink sleeves",
    "快速连接器": "fast connectors",
    "光纤插座": "fibre wall outlet",
    "尾纤": "pigtails",
    "法兰": "fibre adapters",
    "分光器": "splitter",
    "光缆": "fibre cable",
    "接头盒": "splice closure",
    "光猫": "ONT",
    "光猫(备)": "ONT (spare)",
    "从光猫": "room ONT",
    "电源适配器": "power adapter",
    "网线": "network cable",
    "水晶头": "RJ45 plugs",
    "路由器/组网子设备": "router or mesh node",
    "机顶盒": "set-top box",
    "遥控器": "remote control",
    "话机线": "telephone cord",
    "话机": "telephone",
    "分线盒": "distribution box",
    "皮线": "telephone drop wire",
    "铜芯皮线": "copper drop wire",
    "接线子": "wire connectors",
    "隐形光缆": "invisible fibre",
    "光模块": "optical module",
    "备用设备": "spare equipment",
    "板卡": "line card",
    "皮基站": "pico base station",
    "天线": "antenna",
    "馈线": "antenna feeder",
    "线槽": "cable trunking",
}

_NOTES: Final = {
    "现场": "site",
    "地址": "address",
    "小区": "estate",
    "楼栋": "building",
    "楼层": "floor",
    "房间": "room",
    "客户": "customer",
    "姓名": "name",
    "联系人": "contact",
    "电话": "phone",
    "备注": "note",
    "现象": "symptom",
    "设备": "device",
}

PLACE_NOTES: Final = frozenset({"现场", "地址", "小区", "楼栋", "楼层", "房间"})
"""Keys of notes that say where it is."""

TO_ENGLISH: Final[Mapping[str, str]] = MappingProxyType({**_TOOLS, **_PARTS, **_NOTES})
TO_CHINESE: Final[Mapping[str, str]] = MappingProxyType({en: zh for zh, en in TO_ENGLISH.items()})


def in_language(word: str, language: Language) -> str:
    """Return the word in that language, as it is where none is known."""
    return (TO_ENGLISH if language == "en" else TO_CHINESE).get(word, word)


def fault_name(fault: FaultType, language: Language) -> str:
    """Name a fault type in a language, else in the other; empty if it has no name."""
    wanted, other = fault.name_en, fault.name_zh
    if language == "zh":
        wanted, other = other, wanted
    return wanted or other
