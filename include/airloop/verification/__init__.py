"""Verification: the real server, started on the very bundle that will ship, must answer as was computed offline."""

from airloop.verification.verify import Verification, verify

__all__ = ["verify", "Verification"]
