"""Dispatch of telecom repair tickets to field engineers, with proven plans and honest reasons."""

import logging

__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())
