"""Checkpoints in the store, so that a training whose machine died goes on at another one."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from airloop.errors import Unreachable
from airloop.trainers.checkpoint import Checkpoints, file_of

if TYPE_CHECKING:
    from airloop.store import Store

log = logging.getLogger(__name__)


class SharedCheckpoints(Checkpoints):
    """Checkpoints of ``<kind>/<digest>`` on this machine and in a store that is no folder."""

    def __init__(self, folder: Path, store: Store, kind: str, digest: str) -> None:
        super().__init__(folder)
        self._store, self._work = store, (kind, digest)

    def place(self, name: str) -> str:
        """Return where it lies in the store, for messages."""
        kind, digest = self._work
        return f"{self._store.url}/.work/{kind}/{digest}/{file_of(name)}"

    def read(self, name: str) -> bytes | None:
        """Return the latest of this machine's and the store's, None where there is neither. Raises Unreachable."""
        found = [super().read(name), self._store.shared_work(*self._work, file_of(name))]
        # They are of the same rounds, one perhaps of more of them, and every round adds bytes.
        return max((packed for packed in found if packed is not None), key=len, default=None)

    def write(self, name: str, packed: bytes) -> None:
        """Replace the checkpoint. A store that does not answer now costs a killed training rounds, not this one."""
        super().write(name, packed)
        try:
            self._store.share_work(*self._work, file_of(name))
        except Unreachable as error:
            log.warning("this checkpoint is on this machine alone: %s", error)


def checkpoints_in(store: Store, kind: str, digest: str) -> Checkpoints:
    """Return where a training of ``<kind>/<digest>`` keeps what another try goes on from."""
    folder = store.work_folder(kind, digest)
    return Checkpoints(folder) if store.is_local else SharedCheckpoints(folder, store, kind, digest)
