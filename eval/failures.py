"""The one exception that ends a submission's evaluation without ending the batch."""

from __future__ import annotations


class SubmissionFailed(Exception):
    """The submission cannot be evaluated; the message is the reason that its record and tables show."""
