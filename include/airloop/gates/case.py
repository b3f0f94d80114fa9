"""One judgement's inputs, and the evidence gathered from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import airloop
from airloop import digest
from airloop.errors import BundleError, FeatureError
from airloop.gates.champion import ChampionUnusable, LiveModel, champion_fits, fits_of
from airloop.gates.evidence import Evidence
from airloop.gates.holdout import load_holdout
from airloop.scoring import Scorer
from airloop.statistics.metrics import Array

if TYPE_CHECKING:
    from pathlib import Path

    from airloop.data.snapshot import Snapshot
    from airloop.spec import Pipeline
    from airloop.validation import Validation
    from airloop.workspace import Workspace


@dataclass(frozen=True)
class Case:
    """A candidate, the rows to judge it on, and what is live."""

    workspace: Workspace
    pipeline: Pipeline
    snapshot_digest: str
    snapshot: Snapshot
    validation: Validation
    model: str
    """Digest of the candidate's model."""
    version: str
    champion: LiveModel | ChampionUnusable | None

    def inputs(self) -> dict[str, Any]:
        """Return all that the verdict depends on; its digest names the verdict."""
        live: dict[str, Any] = {}
        if isinstance(self.champion, LiveModel):
            champion = self.champion.live
            live = {"bundle": champion.bundle, "generation": champion.generation, "model": self.champion.model}
            live["fits"] = "with replicates" if self.champion.replicates else "alone"
        elif self.champion:
            # A champion that is mended later gives another verdict.
            live = {"problem": str(self.champion)}
        return {
            "pipeline": self.pipeline.name,
            "model": self.model,
            "version": self.version,
            "champion": live,
            "snapshot": self.snapshot_digest,
            "validation": digest.of_value(self.validation.model_dump(mode="json")),
            "gates": [gate.model_dump(mode="json") for gate in self.pipeline.spec.gates],
            "private": list(self.pipeline.spec.data.private),
            "airloop": airloop.__version__,
        }

    @property
    def folder(self) -> Path:
        """The candidate's folder. Raises BundleError when it is not in the store."""
        try:
            return self.workspace.store.folder("models", self.model)
        except FileNotFoundError:
            raise BundleError(
                f"model {self.model[:12]} of {self.pipeline.name!r} is not in the store; train it again"
            ) from None

    def gather(self) -> Evidence:
        """Score candidate and champion on the holdout rows.

        Raises BundleError and FeatureError when the candidate cannot be; a champion that cannot is part of the
        evidence.
        """
        scorer = Scorer.open(self.folder, threads=self.pipeline.spec.model.threads)
        holdout = load_holdout(self.workspace, self.pipeline, self.snapshot, self.validation, scorer.schema)
        if not len(holdout):
            return Evidence(scorer.schema, holdout, [holdout.truth], self.champion)
        try:
            fits = fits_of(scorer, self.folder, holdout.frame)
        except FeatureError as error:
            raise FeatureError(f"the candidate (model {self.model[:12]}) cannot score the holdout: {error}") from error
        champion, theirs = self.champion, []
        if isinstance(champion, LiveModel):
            try:
                theirs = champion_fits(champion, holdout.frame, scorer.schema)
            except ChampionUnusable as error:
                champion = error
        return Evidence(scorer.schema, holdout, fits, champion, theirs, self._identity(fits, champion, theirs))

    def _identity(self, fits: list[Array], champion: LiveModel | ChampionUnusable | None, theirs: list[Array]) -> str:
        """Return why the candidate is the champion itself; empty where it is not."""
        if not isinstance(champion, LiveModel):
            return ""
        if champion.model == self.model:
            return f"the candidate is the champion itself (version {champion.version}): nothing to release"
        if np.array_equal(fits[0], theirs[0]):
            same = f"it answers exactly like the champion (version {champion.version}) on all {len(fits[0]):,} rows"
            return f"{same}: nothing to release"
        return ""
