"""Believable made-up days of one telecom branch, the same for the same seed."""

from dispatchopt.generator.branch import generate, generate_plain
from dispatchopt.generator.city import RealPlaces

__all__ = ["RealPlaces", "generate", "generate_plain"]
