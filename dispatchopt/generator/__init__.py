"""Believable made-up days of one telecom branch, the same for the same seed."""

from dispatchopt.generator.branch import generate, generate_plain

__all__ = ["generate", "generate_plain"]
