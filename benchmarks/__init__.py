"""Measured comparisons with other engines: not part of the package, not tests."""
