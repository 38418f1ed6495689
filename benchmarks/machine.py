"""What a measurement was made on: processor, memory, versions, date; nothing that names a host."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGES = ("ortools", "numpy", "numba", "pydantic", "pyvroom", "pyvrp", "vrp-cli")


def installed_version(package: str) -> str | None:
    """Version of an installed distribution, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def describe_machine(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Processor, cores, memory, system, Python, package versions and today's date (UTC)."""
    import dispatchopt

    facts = {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": _processor(),
        "cores": str(_usable_cores()),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "dispatchopt": dispatchopt.__version__,
    }
    return facts | {name: installed_version(name) or "not installed" for name in packages}


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    return _proc_field("/proc/cpuinfo", "model name") or platform.processor() or "unknown"


def _memory() -> str:
    field = _proc_field("/proc/meminfo", "MemTotal")
    return f"{int(field.split()[0]) / 2**20:.0f} GiB" if field else "unknown"


def _proc_field(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None
