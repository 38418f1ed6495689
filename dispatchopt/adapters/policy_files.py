"""A policy alone in a file: JSON, or TOML as in the ``[policy]`` table of a folder's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dispatchopt.adapters.json_files import validated
from dispatchopt.adapters.strict_json import parse_json, repeated_keys
from dispatchopt.adapters.textfiles import decode_utf8, parse_toml, read_bytes
from dispatchopt.errors import AdapterError, InvalidProblemError, Issue
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
    data = _load(path, issues)
    if isinstance(data, dict) and set(data) == {"policy"}:
        data = data["policy"]
    policy = validated(Policy, data, "policy", path.name, issues)
    if policy is None:
        raise InvalidProblemError(issues)
    return policy


def _load(path: Path, issues: list[Issue]) -> Any:  # Any: JSON or TOML
    ending = path.suffix.lower()
    if ending not in (".json", ".toml"):
        raise AdapterError(f"{path}: no policy file by its name. Name it .json or .toml.")
    text = decode_utf8(read_bytes(path), str(path))
    if ending == ".toml":
        return parse_toml(text, str(path))
    data, repeated = parse_json(text, str(path))
    issues.extend(repeated_keys(repeated, "policy", path.name))
    return data
