"""Good files made bad by chance: in their bytes, in their cells, in their structure."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

ODD_TEXTS: Final = (
    "", " ", "\t", "\0", "\n", "\r\n", "0", "-1", "1e999", "-1e308", "NaN", "inf", "-inf", "null",
    "true", "9" * 400, "1" * 20, "0x10", "1_000", "1,5", "１２", "٣", "²", "½", "²⁴", "=1+1", "'",
    '"', '"""', "\\", "\\x00", "%", "{ticket_id}", "${HOME}", "../../etc", "/", "\ud7ff",
    "a" * 40_000, "\ufeff", "\u2028", "\u202e", "😀", "上午", "3小时", "全天", "2026-02-30",
    "2026-11-23", "0000-00-00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00",
    "2026-11-23T08:00", "2026-11-23T08:00:60Z", "2026-11-23T24:00",
    "2026-11-23 08:00 .. 2026-11-23 07:00",
    "25:61", "08:00-12:00", "08:00-08:00", "1900-01-00", "60", "2958466", "45000.5", "-0.0", "91",
    "181", "121.4,31.2", "31.2", "A;B;;C", "A:1", "A:2:3", "A=", "a:b=c;d", "T1", "E1",
    "Asia/Shanghai",
    "Mars/Olympus", "UTC", "+08:00", "__proto__", "open", "done", "parked", "P1", "1",
)  # fmt: skip
"""What people, programs and spreadsheets put where something else belongs."""

ODD_VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 1e308, -1e308, 0.5, 1e-320,
    float("nan"), float("inf"), [], {}, [[]], [None], {"": None}, {"id": None}, [1, "a", None],
    [{}], {"a": {"b": {"c": []}}}, *ODD_TEXTS,
)  # fmt: skip

_BYTES: Final = (
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b'"',
    b",",
    b"\r",
    b"\n",
    b"\x81",
    b"{",
)


def mutated(data: bytes, rng: random.Random, structure: Callable[..., bytes]) -> bytes:
    """Return bad content: three times in four by its structure, else by its bytes or both."""
    kind = rng.random()
    if kind < 0.85:
        for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
            data = structure(data, rng)
    return data if kind < 0.75 else of_bytes(data, rng)


def of_bytes(data: bytes, rng: random.Random) -> bytes:
    """Change, add, remove, repeat or cut bytes, or write them in another encoding."""
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(data) + 1)
        to = min(len(data), at + rng.choice((1, 1, 2, 8, 64)))
        action = rng.randrange(7)
        if action == 0 and data:
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        elif action == 1:
            data = data[:at] + rng.choice(_BYTES) + data[at:]
        elif action == 2:
            data = data[:at] + data[to:]
        elif action == 3:
            data = data[:to] + data[at:to] * rng.choice((1, 2, 50)) + data[to:]
        elif action == 4 and rng.random() < 0.3:
            data = data[:at]
        elif action == 5:
            data = data[:at] + rng.choice(ODD_TEXTS).encode("utf-8", "replace") + data[to:]
        elif rng.random() < 0.1:
            text = data.decode("utf-8", "replace")
            data = text.encode(rng.choice(("utf-16", "utf-16-le", "gb18030", "latin-1")), "replace")
    return data


def of_csv(data: bytes, rng: random.Random) -> bytes:
    """Change cells, headers, rows, columns or the separator of a table."""
    text = data.decode("utf-8-sig", "replace")
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error:
        return of_bytes(data, rng)
    if not rows:
        return of_bytes(data, rng)
    action, r = rng.randrange(9), rng.randrange(len(rows))
    width = max(map(len, rows)) or 1
    c = rng.randrange(width)
    if action <= 2 and c < len(rows[r]):
        rows[r][c] = rng.choice(ODD_TEXTS)
    elif action == 3 and c < len(rows[0]):
        rows[0][c] = rng.choice((*rows[0], *ODD_TEXTS))
    elif action == 4:
        rows = [*rows[:r], *rows[r + 1 :]] if rng.random() < 0.5 else [*rows[: r + 1], *rows[r:]]
    elif action == 5:
        again = rng.random() < 0.5
        rows = [[*row[:c], *(row[c : c + 1] * 2 if again else ()), *row[c + 1 :]] for row in rows]
    elif action == 6:
        other = rng.choice(rows)
        d = rng.randrange(width)
        if c < len(rows[r]) and d < len(other):
            rows[r][c], other[d] = other[d], rows[r][c]
    elif action == 7:
        rows[r] = rows[r] * rng.choice((0, 2, 40))
    stream = io.StringIO(newline="")
    separator = rng.choice(",,,,,;\t|") if action == 8 else ","
    csv.writer(stream, delimiter=separator).writerows(rows)
    return stream.getvalue().encode("utf-8", "replace")


def of_json(data: bytes, rng: random.Random) -> bytes:
    """Change, remove, repeat, exchange or nest parts of a document."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return of_bytes(data, rng)
    holders = _holders(document)
    if not holders:
        return json.dumps(rng.choice(ODD_VALUES)).encode()
    holder, key = rng.choice(holders)
    other, other_key = rng.choice(holders)
    action = rng.randrange(9)
    if action <= 2:
        holder[key] = deepcopy(rng.choice(ODD_VALUES))
    elif action == 3:
        del holder[key]
    elif action == 4:
        holder[key] = deepcopy(other[other_key])
    elif action == 5 and isinstance(holder, list):
        holder.insert(key, deepcopy(holder[key]))
    elif action == 5:
        holder[rng.choice(ODD_TEXTS)] = holder.pop(key)
    elif action == 6:
        holder[key] = rng.choice(([holder[key]], {"id": holder[key]}, {rng.choice("abc"): {}}))
    elif action == 7:
        text = json.dumps(document, ensure_ascii=rng.random() < 0.5)
        deep = rng.choice((10, 3000))
        spot = rng.choice([m.start() for m in re.finditer(r"[\[{\d\"]", text)] or [0])
        return (text[:spot] + "[" * deep + "]" * deep + text[spot:]).encode("utf-8", "replace")
    elif isinstance(holder, dict):
        text = json.dumps(document)
        name = json.dumps(key)
        return text.replace(f"{name}:", f"{name}: 1, {name}:", 1).encode()
    return json.dumps(document, ensure_ascii=rng.random() < 0.5).encode("utf-8", "replace")


def _holders(document: Any) -> list[tuple[Any, Any]]:
    """Return every place of a document, as its container and key."""
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        item = waiting.pop()
        keys: Any = item.keys() if isinstance(item, dict) else range(len(item))
        for key in keys:
            found.append((item, key))
            if isinstance(item[key], dict | list):
                waiting.append(item[key])
    return found if isinstance(document, dict | list) else []


_TOML_VALUES: Final = (
    "1", "-1", "0", "1.5", "nan", "inf", "true", '""', '"A"', "[]", "{}", '["A", 1]', "[[]]",
    "{a = 1}", "2026-11-23", "08:00:00", "2026-11-23T08:00:00Z", "9223372036854775807", "1e400",
    "9" * 30, "9" * 5000, '"\\u0000"', '"a\\nb"', "''", '["A", "A"]', "{a = {b = {c = 1}}}", "0x10",
    "1979-05-27T00:32:00.999999-07:00", '["08:00", "12:00"]', '"08:00-12:00"', '"2%"', '"999d"',
)  # fmt: skip

_TOML_LINES: Final = ("[a]", "[[tickets]]", "[codes.status]", "[columns]", "[publish]", "x=1")


def of_toml(data: bytes, rng: random.Random) -> bytes:
    """Change values, keys, tables or the order of lines."""
    lines = data.decode("utf-8", "replace").split("\n")
    r, s = rng.randrange(len(lines)), rng.randrange(len(lines))
    action = rng.randrange(8)
    key, equals, value = lines[r].partition("=")
    if action <= 2 and equals:
        text = json.dumps(rng.choice(ODD_TEXTS), ensure_ascii=False)
        lines[r] = f"{key}= {rng.choice((*_TOML_VALUES, text, text))}"
    elif action == 3 and equals:
        lines[r] = f"{json.dumps(rng.choice(ODD_TEXTS))} ={value}"
    elif action == 4:
        del lines[r]
    elif action == 5:
        lines.insert(s, lines[r])
    elif action == 6:
        lines[r], lines[s] = lines[s], lines[r]
    else:
        table = rng.choice(
            ("[a]", "[[tickets]]", "[codes.status]", "[columns]", "[publish]", "x=1")
        )
        lines.insert(s, table)
    return "\n".join(lines).encode("utf-8", "replace")


def of_xlsx(data: bytes, rng: random.Random) -> bytes:
    """Change a part of a workbook: a text, an attribute, bytes, or the part as a whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            parts = {name: book.read(name) for name in book.namelist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError, KeyError):
        return of_bytes(data, rng)
    if not parts:
        return of_bytes(data, rng)
    sheets = [name for name in parts if "sheet" in name.lower()]
    name = rng.choice(sheets if sheets and rng.random() < 0.7 else sorted(parts))
    text = parts[name].decode("utf-8", "replace")
    action = rng.randrange(8)
    spots = list(
        re.finditer(r">([^<>]+)<", text) if action <= 3 else re.finditer(r'"[^"<>]*"', text)
    )
    if action == 7 or not spots:
        if rng.random() < 0.3:
            del parts[name]
        else:
            parts[name] = of_bytes(parts[name], rng)
    else:
        spot = rng.choice(spots)
        odd = rng.choice(ODD_TEXTS).replace("\0", "")
        if rng.random() < 0.9:
            odd = odd.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
        odd = (
            f">{odd}<"
            if action <= 3
            else f'"{rng.choice((odd, "A1", "ZZZ9", "s", "n", "d", "e"))}"'
        )
        parts[name] = (text[: spot.start()] + odd + text[spot.end() :]).encode("utf-8", "replace")
    return _zipped(parts)


def _zipped(parts: dict[str, bytes]) -> bytes:
    """Return a workbook of its parts."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        for name, content in parts.items():
            book.writestr(name, content)
    return stream.getvalue()
