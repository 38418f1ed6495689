"""The doctor: what an export holds, what is wrong with it, and a mapping that would read it."""

from __future__ import annotations

from dispatchopt.adapters.doctor.examine import examine
from dispatchopt.adapters.doctor.findings import Examination, Finding

__all__ = ["Examination", "Finding", "examine"]
