"""XGBoost without scikit-learn: ``from airloop.trainers.library import xgboost``.

XGBoost imports scikit-learn where it is installed, for wrappers that Airloop does not use: three quarters of its import
time. It is hidden during the import alone; afterwards ``import sklearn`` works as ever, ``XGBClassifier`` does not.
"""

from __future__ import annotations

import os
import sys

# Threads that wait for work sleep instead of spinning: two trainings on the same cores then share them, where spinning
# threads slow each other down tenfold. OpenMP reads this when it is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_hides = "sklearn" not in sys.modules
if _hides:
    sys.modules["sklearn"] = None  # type: ignore[assignment]  # what the import system takes for "not there"
try:
    import xgboost
finally:
    if _hides:
        del sys.modules["sklearn"]

__all__ = ["xgboost"]
