"""Land handwritten digits: 1,797 images of 8 by 8 pixels, each 0 (white) to 16 (black).

Source: Alpaydin & Kaynak (1998), UCI, CC BY 4.0, the test set as scikit-learn ships it. Rows have no time.

    python -m pipelines.handwritten_digits.land
"""

from __future__ import annotations

import sys
from pathlib import Path

from sklearn.datasets import load_digits

from airloop.data.landing import write_changed


def land(home: Path) -> bool:
    """Write ``home/data/handwritten_digits/images.parquet`` and return whether it is new or changed."""
    data = load_digits(as_frame=True)
    images = data.data.astype("int64").assign(digit=data.target.astype("int64"))
    path = home / "data" / "handwritten_digits" / "images.parquet"
    return write_changed(path, images.to_parquet(index=False))


if __name__ == "__main__":
    from airloop.workspace import Workspace

    home = Workspace.from_environment().home
    sys.stdout.write(f"{'landed' if land(home) else 'unchanged'}: {home / 'data' / 'handwritten_digits'}\n")
