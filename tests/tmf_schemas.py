"""Validation of documents against the schemas of TM Forum that stand beside the tests."""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator, FormatChecker

SCHEMAS = Path(__file__).parent / "schemas" / "tmf"
GOLDEN = Path(__file__).parent / "golden" / "tmf"


def faults(document: Any, api: str, name: str) -> list[str]:
    """Return what breaks the schema ``name`` of an API such as ``tmf621-v4``."""
    return [
        f"{fault.json_path}: {fault.message}"
        for fault in _validator(api, name).iter_errors(document)
    ]


def golden(name: str) -> Any:
    """Return a document of the golden files."""
    return json.loads((GOLDEN / name).read_text("utf-8"))


CHECKER = FormatChecker(())


@CHECKER.checks("date-time")
def _is_date_time(value: object) -> bool:
    """Check RFC 3339, whatever extras of the library are installed."""
    if not isinstance(value, str):
        return True
    shape = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
    return bool(re.fullmatch(shape, value, re.ASCII | re.IGNORECASE)) and _is_real(value)


@CHECKER.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(
        re.fullmatch(r"[A-Za-z][\w+.-]*:[^\s<>\"{}|\\^`]+", value)
    )


def _is_real(value: str) -> bool:
    try:
        datetime.fromisoformat(value.upper())
    except ValueError:
        return False
    return True


@cache
def _validator(api: str, name: str) -> Draft4Validator:
    text = (SCHEMAS / f"{api}.json").read_text("utf-8")
    whole = _without_discriminators(json.loads(text))
    root = "components/schemas" if api.endswith("v5") else "definitions"
    schema = {**whole, "$ref": f"#/{root}/{name}"}
    assert name in (
        whole["components"]["schemas"] if "components" in whole else whole["definitions"]
    )
    return Draft4Validator(schema, format_checker=CHECKER)


def _without_discriminators(schema: Any) -> Any:
    """Take `anyOf` where a discriminator, which is not of JSON Schema, chooses among `oneOf`."""
    if isinstance(schema, list):
        return [_without_discriminators(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: _without_discriminators(value) for key, value in schema.items()}
    if "discriminator" in changed and "oneOf" in changed:
        changed["anyOf"] = changed.pop("oneOf")
    return changed
