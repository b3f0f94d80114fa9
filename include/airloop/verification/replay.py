"""Golden rows through the server's front door: together, and one by one."""

from __future__ import annotations

from typing import Any

import numpy as np

from airloop.bundle import Bundle
from airloop.errors import BundleError
from airloop.serving.client import ServerClient
from airloop.serving.slot import TOLERANCE
from airloop.verification.running import Running, golden_rows

Array = np.ndarray[Any, Any]


def replay(server: Running, bundle: Bundle) -> float:
    """Return the largest difference from the golden answers.

    Raises BundleError when one is off by more than TOLERANCE, when a row's answer depends on the rows beside it, or
    when the server refuses a row.
    """
    expected = np.array(bundle.golden.expected, dtype=np.float64)
    rows = [{name: values[row] for name, values in bundle.golden.inputs.items()} for row in range(len(expected))]
    with server.client() as client, golden_rows():
        together = _answers(client, bundle, rows, expected.shape)
        alone = np.concatenate([_answers(client, bundle, [row], (1, *expected.shape[1:])) for row in rows])
    _compare(together, expected, "expected")
    _compare(alone, together, "together with the other rows it was")
    return float(np.abs(together - expected).max(initial=0.0))


def _answers(client: ServerClient, bundle: Bundle, rows: list[dict[str, Any]], shape: tuple[int, ...]) -> Array:
    answer = client.infer(bundle.pipeline, rows)
    if answer["model_version"] != bundle.version:
        raise BundleError(f"the server answers as version {answer['model_version']!r}, not {bundle.version!r}")
    (output,) = answer["outputs"]
    if output["shape"] != list(shape):
        raise BundleError(f"the server answers with shape {output['shape']}, expected {list(shape)}")
    return np.array(output["data"], dtype=np.float64).reshape(shape)


def _compare(found: Array, wanted: Array, words: str) -> None:
    off = np.abs(found - wanted)
    if not (off <= TOLERANCE).all():
        row = int(np.argmax(off.reshape(len(off), -1).max(axis=1)))
        raise BundleError(f"golden row {row}: the server answers {found[row]}, {words} {wanted[row]} (±{TOLERANCE:g})")
