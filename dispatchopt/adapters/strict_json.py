"""JSON as RFC 8259 has it: no NaN, no duplicate keys, no lone surrogates, no surprises."""

from __future__ import annotations

import gzip
import json
import math
import re
from typing import TYPE_CHECKING, Any

from dispatchopt.adapters.publish import write_file
from dispatchopt.adapters.textfiles import decode_utf8, read_bytes
from dispatchopt.errors import AdapterError, Issue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def is_json(path: Path) -> bool:
    """Whether a file is JSON by its name, packed or not."""
    return path.name.lower().endswith((".json", ".json.gz"))


def load_json(path: Path) -> tuple[Any, list[str]]:  # Any: JSON
    """Read a file, packed if its name ends in ``.gz``; returns what `parse_json` does.

    Raises
    ------
    AdapterError
        If it cannot be read or is no JSON; names line and column.
    """
    return parse_json(decode_utf8(read_bytes(path), str(path)), str(path))


def save_json(path: Path, data: bytes) -> None:
    """Write what `dump_json` returned, packed if the name of the file ends in ``.gz``.

    Raises
    ------
    AdapterError
        If it cannot be written.
    """
    if path.name.lower().endswith(".gz"):
        # No time stamp: the same content gives the same bytes.
        data = gzip.compress(data, compresslevel=6, mtime=0)
    write_file(path, data)


def repeated_keys(keys: Iterable[str], kind: str, file: str = "") -> Iterator[Issue]:
    """Yield a fault for each key that stands twice in one object."""
    for key in keys:
        yield Issue(kind, "", key[:60], "", "this key stands twice in one object; keep one", file)


def parse_json(text: str, name: str) -> tuple[Any, list[str]]:  # Any: JSON
    """Parse a JSON text.

    Parameters
    ----------
    name
        Stands in front of the message.

    Returns
    -------
    data, duplicates
        The value, and what each key that stands twice in one object is called; the last value of
        such a key counts, so a reader must report them.

    Raises
    ------
    AdapterError
        Naming line and column where they are known.
    """
    duplicates: list[str] = []
    try:
        data = json.loads(
            text,
            object_pairs_hook=lambda pairs: _object(pairs, duplicates),
            parse_constant=_refuse,
            parse_float=_finite,
        )
    except json.JSONDecodeError as error:
        raise AdapterError(
            f"{name}: no valid JSON at line {error.lineno}, column {error.colno}: {error.msg}."
        ) from None
    except RecursionError:
        raise AdapterError(f"{name}: nested too deeply to be a problem or a plan.") from None
    except ValueError as error:
        raise AdapterError(f"{name}: {error}.") from None
    if _SURROGATE_ESCAPE.search(text) and _has_lone_surrogate(data):
        raise AdapterError(f"{name}: a \\ud8xx escape stands without its other half. Correct it.")
    return data, duplicates


def dump_json(data: Any, *, indent: int | None) -> bytes:  # Any: JSON
    """Return JSON in UTF-8, readable, ending in a newline.

    Raises
    ------
    AdapterError
        If a value has no JSON form (NaN, infinity, a lone surrogate, an object of another kind).
    """
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, indent=indent)
        return (text + "\n").encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise AdapterError(f"A value has no JSON form ({error}). Look into attributes.") from error


def _object(pairs: list[tuple[str, Any]], duplicates: list[str]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        duplicates.extend(key for key in found if keys.count(key) > 1)
    return found


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON number; write null or leave the field out")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large for a number")
    return value


def _has_lone_surrogate(data: Any) -> bool:  # Any: JSON
    todo = [data]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            if any("\ud800" <= char <= "\udfff" for char in item):
                return True
        elif isinstance(item, dict):
            todo.extend(item)
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return False
