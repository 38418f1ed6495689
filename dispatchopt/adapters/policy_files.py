"""A policy, or service limits, alone in a file: JSON, or TOML as in a folder's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from dispatchopt.adapters.json_files import validated
from dispatchopt.adapters.strict_json import parse_json, repeated_keys
from dispatchopt.adapters.textfiles import decode_utf8, parse_toml, read_bytes
from dispatchopt.errors import AdapterError, InvalidProblemError, Issue
from dispatchopt.limits.apply import LimitSettings, checked_settings
from dispatchopt.models import Policy


def read_policy(path: str | Path) -> Policy:
    """Read a policy: a preset and the fields that differ from it.

    Parameters
    ----------
    path
        A ``.json`` or ``.toml`` file; the fields stand at the top or alone under ``policy``.

    Raises
    ------
    AdapterError
        If the file cannot be read, or is neither JSON nor TOML by its name or content.
    InvalidProblemError
        With every fault of the policy.
    """
    path = Path(path)
    issues: list[Issue] = []
    data = _load(path, "policy", issues)
    policy = validated(Policy, data, "policy", path.name, issues)
    if policy is None:
        raise InvalidProblemError(issues)
    return policy


def read_limits(preset_or_path: str | Path) -> LimitSettings:
    """Return service limits by the name of a preset, or from a file.

    Parameters
    ----------
    preset_or_path
        A name (`preset_names`), or a ``.toml`` or ``.json`` file; the fields of the ``[limits]``
        table (`preset`, `holidays`, `default_area`) stand at its top or alone under ``limits``.

    Raises
    ------
    AdapterError
        If the file cannot be read.
    InvalidProblemError
        With every fault of the limits.
    """
    if not str(preset_or_path).lower().endswith(_ENDINGS):
        return checked_settings({"preset": str(preset_or_path)})
    path = Path(preset_or_path)
    issues: list[Issue] = []
    data = _load(path, "limits", issues)
    if issues:
        raise InvalidProblemError(issues)
    return checked_settings(data, path.name)


_ENDINGS: Final = (".json", ".toml")


def _load(path: Path, what: str, issues: list[Issue]) -> Any:  # Any: JSON or TOML
    """Return what a file holds, at its top or alone under a name."""
    ending = path.suffix.lower()
    if ending not in _ENDINGS:
        raise AdapterError(f"{path}: no {what} file by its name. Name it .json or .toml.")
    text = decode_utf8(read_bytes(path), str(path))
    if ending == ".toml":
        data = parse_toml(text, str(path))
    else:
        data, repeated = parse_json(text, str(path))
        issues.extend(
            repeated_keys(repeated, "policy" if what == "policy" else "problem", path.name)
        )
    return data[what] if isinstance(data, dict) and set(data) == {what} else data
