"""What Prometheus reads: the facts of the ledger as metrics, and where the model servers are."""

from airloop.exporter.looking import Look
from airloop.exporter.server import Exporter

__all__ = ["Exporter", "Look"]
