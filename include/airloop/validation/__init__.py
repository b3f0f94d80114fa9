"""The validation room: rows are checked with Great Expectations before a model learns from them."""

from __future__ import annotations

from airloop.validation.findings import Validation
from airloop.validation.validating import load_validation, validate

__all__ = ["validate", "load_validation", "Validation"]
