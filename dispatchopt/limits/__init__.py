"""Service limits as data: `due` computed where it is absent, by a named preset.

A preset is a small TOML file in ``data`` with its source: rules tried in order, each with its
conditions (fault class, area class, customer tier, time of the report) and one of a few mechanisms
(`presets`). What a preset cannot compute for a ticket is a warning, never silence.
"""

from __future__ import annotations

from dispatchopt.limits.apply import Limited, LimitSettings, apply_limits, contact_by
from dispatchopt.limits.presets import LimitPreset, load_limit_preset, preset_names

__all__ = [
    "LimitPreset",
    "LimitSettings",
    "Limited",
    "apply_limits",
    "contact_by",
    "load_limit_preset",
    "preset_names",
]
