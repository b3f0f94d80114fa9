"""Stands in for ``python -m airloop`` in a test's image: does what ``act.py`` in the pipeline's folder says."""

from __future__ import annotations

import runpy
import sys

runpy.run_path(f"/airloop/pipelines/{sys.argv[2]}/act.py")
