"""What a faster way to the same answers must show before the server takes it.

``verify_bundle`` compares each shortcut with the native model on the golden rows and on random ones, and keeps the
result in the store beside the bundle. Without a proof, or with one from other versions of the code, the native way
serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

import airloop
from airloop import digest

if TYPE_CHECKING:
    from airloop.store import Store

KIND = "proofs"
TOLERANCE = 1e-6
"""Largest difference of any answer, and no two rows may swap their order. Trees are in fact equal bit by bit."""
METHOD = 1
"""Counts the changes of the shortcuts; a new number makes old proofs worthless."""
VARIABLE = "AIRLOOP_PROOF"
"""Where a server that has no store finds the proof of the one bundle that it serves, as JSON."""


class Proof(msgspec.Struct, frozen=True):
    """Which shortcuts give the native answers for one bundle."""

    arrays: bool
    """Feature code on arrays instead of frames (true where there is no feature code)."""
    forest: bool
    """Trees walked by NumPy instead of the trainer's library."""
    rows: int = 0
    largest_difference: float = 0.0
    reason: str = ""
    """Why a shortcut is not taken; empty when all are."""


NONE = Proof(arrays=False, forest=False, reason="not verified yet")


def name_of(bundle_digest: str) -> str:
    """Return the name of a bundle's proof in the store: of the bundle and of the code that was proved."""
    return digest.of_value([bundle_digest, METHOD, airloop.__version__])


def find(store: Store, bundle_digest: str) -> Proof:
    """Return the bundle's proof, ``NONE`` where there is none. Raises Unreachable when the store does not answer."""
    try:
        return msgspec.convert(store.get_json(KIND, name_of(bundle_digest)), Proof)
    except FileNotFoundError:
        return NONE


def keep(store: Store, bundle_digest: str, proof: Proof) -> None:
    """Write the proof beside the bundle, unless one is there."""
    store.put_json(KIND, name_of(bundle_digest), msgspec.to_builtins(proof))


def as_told(bundle_digest: str, proof: Proof) -> str:
    """Return a proof as ``VARIABLE`` carries it."""
    return msgspec.json.encode([name_of(bundle_digest), proof]).decode()


def told(environ: Mapping[str, str], bundle_digest: str) -> Proof:
    """Return the proof that ``VARIABLE`` carries, ``NONE`` where it is unset, or about another bundle or other code."""
    name, proof = msgspec.json.decode(environ.get(VARIABLE) or '["", null]', type=tuple[str, Proof | None])
    return proof if proof is not None and name == name_of(bundle_digest) else NONE


def difference(native: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """Return the largest absolute difference; infinity when shapes differ or two rows swap their order."""
    if native.shape != other.shape:
        return float("inf")
    if not native.size:
        return 0.0
    for one, two in zip(np.atleast_2d(native.T), np.atleast_2d(other.T), strict=True):
        order = np.lexsort((two, one))
        if (np.diff(two[order]) < 0).any():
            return float("inf")
    return float(np.max(np.abs(native - other)))
