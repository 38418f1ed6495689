"""The unattended night: read, doctor, plan, check, write, publish, report.

::

    config = read_config("night.toml")
    result = run_night(config)
    result.exit_code, result.night.record.summary
"""

from __future__ import annotations

from dispatchopt.night.config import NightConfig, read_config
from dispatchopt.night.guards import NightStoppedError
from dispatchopt.night.nights import (
    Night,
    NightBusyError,
    Nights,
    NightUnpublishedError,
    NightUnwrittenError,
    Record,
)
from dispatchopt.night.run import Hooks, NightResult, run_night

__all__ = [
    "Hooks",
    "Night",
    "NightBusyError",
    "NightConfig",
    "NightResult",
    "NightStoppedError",
    "NightUnpublishedError",
    "NightUnwrittenError",
    "Nights",
    "Record",
    "read_config",
    "run_night",
]
