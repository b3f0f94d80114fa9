"""Land the Wisconsin diagnostic breast-cancer data: 569 biopsies, 30 measures of their cell nuclei each.

Source: Wolberg, Street & Mangasarian (1995), UCI, CC BY 4.0, as scikit-learn ships it. Rows have no time.

    python -m pipelines.breast_cancer.land
"""

from __future__ import annotations

import sys
from pathlib import Path

from sklearn.datasets import load_breast_cancer

from airloop.data.landing import write_changed


def land(home: Path) -> bool:
    """Write ``home/data/breast_cancer/biopsies.parquet`` and return whether it is new or changed.

    The label ``malignant`` is true for a malignant tumour; scikit-learn counts them as 0.
    """
    data = load_breast_cancer(as_frame=True)
    biopsies = data.data.rename(columns=lambda name: name.replace(" ", "_"))
    biopsies["malignant"] = data.target == 0
    path = home / "data" / "breast_cancer" / "biopsies.parquet"
    return write_changed(path, biopsies.to_parquet(index=False))


if __name__ == "__main__":
    from airloop.workspace import Workspace

    home = Workspace.from_environment().home
    sys.stdout.write(f"{'landed' if land(home) else 'unchanged'}: {home / 'data' / 'breast_cancer'}\n")
