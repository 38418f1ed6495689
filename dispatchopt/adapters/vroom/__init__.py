"""VROOM's JSON in and out: its problems become ours, our plans become its solutions, and back.

Format: the VROOM API documentation (version 1.14) at https://github.com/VROOM-Project/vroom and
what `pyvroom` 1.15 reads and writes. Durations are whole seconds, coordinates ``[lon, lat]``, times
whole seconds from an origin that the file does not name (the Unix epoch for time stamps).
"""

from dispatchopt.adapters.vroom.read import FromVroom, problem_from_vroom, read_vroom
from dispatchopt.adapters.vroom.solution import plan_to_vroom
from dispatchopt.adapters.vroom.write import ToVroom, problem_to_vroom

__all__ = [
    "FromVroom",
    "ToVroom",
    "plan_to_vroom",
    "problem_from_vroom",
    "problem_to_vroom",
    "read_vroom",
]
