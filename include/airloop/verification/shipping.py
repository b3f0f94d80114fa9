"""What an image must be before anything of it is started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airloop.engine.connection import LABEL
from airloop.errors import ImageError

if TYPE_CHECKING:
    from airloop.bundle import Bundle


def refuse_unless_of(bundle: Bundle, reference: str, config: Mapping[str, Any]) -> None:
    """Raise ImageError unless an image with this configuration holds ``bundle`` and names a user other than root."""
    holds = (config.get("Labels") or {}).get(f"{LABEL}.bundle", "")
    if holds != bundle.digest:
        raise ImageError(f"{reference} holds bundle {holds[:12] or 'none'}, not {bundle.digest[:12]}")
    if str(config.get("User") or "").partition(":")[0] in ("", "0", "root"):
        raise ImageError(f"{reference} runs as root where nobody says otherwise: an image names a user of its own")
