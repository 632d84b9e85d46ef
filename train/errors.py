"""Errors of a training run. Reading this module needs no torch."""

from __future__ import annotations

from data.errors import InputError


class AgreedError(InputError):
    """An error that every process of a run knows. The first process reports it for all of them."""
