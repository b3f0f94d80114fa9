"""Which packages an image gets, and that they are the locked ones."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

from airloop.bundle.locked import SERVING, requirements
from airloop.errors import ImageError
from airloop.images.bases import pins_of
from airloop.images.lock import pins
from airloop.workspace import PROJECT


def test_what_serving_needs_has_no_airflow_no_cuda_and_no_tools():
    names = {pin.name for pin in pins([*SERVING, "xgboost-cpu"])}
    assert {"msgspec", "numpy", "pyarrow", "scipy", "uvicorn", "xgboost-cpu"} <= names
    assert not {name for name in names if re.match(r"apache-|nvidia-|pip$|setuptools$|pydantic|pandas", name)}


def test_versions_are_those_that_are_installed_and_every_hash_is_there():
    (numpy,) = (pin for pin in pins(["numpy"]) if pin.name == "numpy")
    assert numpy.version == metadata.version("numpy")
    _, _, after = (PROJECT / "requirements.txt").read_text().partition(f"\nnumpy=={numpy.version} ")
    whole, _, _ = after.partition("# via")
    assert len(numpy.hashes) == whole.count("--hash=sha256:") > 1


def test_an_image_gets_the_cpu_s_xgboost_whatever_trains():
    names = {pin.name for pin in pins(["xgboost-cpu", "xgboost"], cpu=True)}
    assert names == {"numpy", "scipy", "xgboost-cpu"}


def test_packages_of_a_trainer_of_the_pipeline_come_with_all_that_they_need():
    usual, more = ({pin.name for pin in pins_of(with_pandas=False, more=names)} for names in ((), ("scikit-learn",)))
    assert {"scikit-learn", "joblib", "threadpoolctl"} <= more - usual
    lines = requirements(with_pandas=False, more=("scikit-learn",)).splitlines()
    assert f"scikit-learn=={metadata.version('scikit-learn')}" in lines


def test_extras_are_followed():
    plain, more = ({pin.name for pin in pins([root])} for root in ("httpx", "httpx[cli]"))
    assert {"click", "rich"} <= more - plain


def test_a_package_in_another_version_than_the_locked_one_is_refused(tmp_path: Path):
    (tmp_path / "requirements.txt").write_text(f"msgspec==0.0.1 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(
        ImageError, match=r"package msgspec: version [\d.]+ is installed, but 0.0.1 is locked in .*make"
    ):
        pins(["msgspec"], tmp_path)


def test_a_pin_for_another_platform_or_python_is_not_taken(tmp_path: Path):
    version = metadata.version("msgspec")
    other = f"python_full_version >= '{sys.version_info.major}.{sys.version_info.minor + 1}'"
    (tmp_path / "requirements.txt").write_text(
        f"msgspec=={version} ; sys_platform != 'win32' --hash=sha256:{'1' * 64}\n"
        f"msgspec==9.9 ; {other} --hash=sha256:{'2' * 64}\n"
        f"msgspec==8.8 ; sys_platform != 'linux' --hash=sha256:{'3' * 64}\n"
    )
    (pin,) = pins(["msgspec"], tmp_path)
    assert pin.line == f"msgspec=={version} --hash=sha256:{'1' * 64}"


def test_what_is_not_locked_is_named(tmp_path: Path):
    (tmp_path / "requirements.txt").write_text(f"numpy==1 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(ImageError, match=r"package msgspec [\d.]+ is installed but not locked in .*; make lock"):
        pins(["msgspec"], tmp_path)


def test_a_checkout_without_lock_files_is_refused(tmp_path: Path):
    with pytest.raises(ImageError, match=r"requirements.txt: no locked packages there, so no image can be made"):
        pins(["msgspec"], tmp_path)
