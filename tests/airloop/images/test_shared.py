"""Which bases are made before anybody without an engine needs them."""

from __future__ import annotations

from airloop.cli.new import write
from airloop.images.shared import of_trainers
from airloop.workspace import Workspace

OWN = """
class Own:
    libraries = ("scikit-learn",)
    {serving}
    def check(self, model): ...
    def fit(self, data, model, checkpoints): ...
    def fit_replicate(self, data, model, number, checkpoints): ...
    def load(self, folder, threads=1): ...
"""


def test_trainers_of_pipelines_get_a_base_where_answering_needs_packages(tmp_path):
    pipelines = tmp_path / "pipelines"
    for name, serving in (("usual", None), ("alone", "serving = ()"), ("with_more", "")):
        folder = write(name, pipelines, "binary")
        if serving is not None:
            (folder / "own.py").write_text(OWN.format(serving=serving))
            spec = folder / "pipeline.yaml"
            spec.write_text(spec.read_text().replace("trainer: xgboost", "trainer: own.py:Own"))
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path), "AIRLOOP_PIPELINES": str(pipelines)})
    assert of_trainers(workspace) == {"serving_with_more": (True, ("scikit-learn",))}
