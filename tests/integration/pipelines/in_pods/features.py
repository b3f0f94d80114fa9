"""Features of a parcel, from what is known when it is sent."""

from __future__ import annotations

import pandas as pd


def build(parcels: pd.DataFrame) -> pd.DataFrame:
    """Return one row of features per parcel, with the same index."""
    return pd.DataFrame(
        {
            "weight_kg": parcels["weight_kg"],
            "distance_km": parcels["distance_km"],
            "carrier": parcels["carrier"],
            "weekday": parcels["sent_at"].dt.dayofweek,
        },
        index=parcels.index,
    )
