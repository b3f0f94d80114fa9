from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from airloop.engine import folders
from airloop.engine.folders import Folder
from airloop.errors import StepFailed

ID = "ed85f3aabc451190683797c434e0bc72e22faa66a9fba84027ef614101e81d5d"
IN_A_CONTAINER = f"""\
17 90 0:40 / /sys ro,nosuid - sysfs sysfs ro
20 93 74 254:0 /var/lib/docker/containers/{ID}/hosts /etc/hosts rw,relatime - ext4 /dev/vda rw
"""
ON_THE_HOST = f"40 30 0:50 / /var/lib/docker/containers/{ID}/mounts/shm rw - tmpfs shm rw\n"
HOME, STORE = Folder(Path("/srv/airloop/home"), "AIRLOOP_HOME"), Folder(Path("/srv/airloop/store"), "AIRLOOP_STORE")
VOLUMES = [
    {"Type": "volume", "Name": "x_home", "Destination": "/srv/airloop/home", "RW": True},
    {"Type": "volume", "Name": "x_store", "Destination": "/srv/airloop/store", "RW": True},
    {"Type": "volume", "Name": "x_predictions", "Destination": "/srv/airloop/store/predictions", "RW": True},
    {"Type": "bind", "Source": "/checkout/dags", "Destination": "/opt/airloop/dags", "RW": False},
]


def test_a_container_knows_itself_by_what_docker_mounts_into_it():
    assert folders.own_container(IN_A_CONTAINER) == ID
    assert folders.own_container(ON_THE_HOST) == ""


def test_a_worker_in_a_container_passes_its_volumes_on():
    made = folders.as_mounted(VOLUMES, [HOME, STORE], "unix:///var/run/docker.sock")
    assert [(mount["Type"], mount["Source"], mount["Target"]) for mount in made] == [
        ("volume", "x_home", "/srv/airloop/home"),
        ("volume", "x_store", "/srv/airloop/store"),
        ("volume", "x_predictions", "/srv/airloop/store/predictions"),
    ]
    assert not any(mount["ReadOnly"] for mount in made)


def test_of_a_folder_of_the_host_only_the_part_that_is_needed_is_passed_on():
    host = [{"Type": "bind", "Source": "/data", "Destination": "/srv", "RW": True}]
    rows = Folder(Path("/srv/landing/parcels"), "data.source.path", is_writable=False)
    (mount,) = folders.as_mounted(host, [rows], "")
    assert (mount["Source"], mount["Target"]) == ("/data/landing/parcels", "/srv/landing/parcels")
    assert mount["Type"] == "bind" and mount["ReadOnly"]


def test_a_folder_that_nobody_else_can_see_is_told_with_its_setting():
    with pytest.raises(
        StepFailed, match=r"AIRLOOP_STORE: the Docker engine at tcp://far:2375 cannot see the folder /srv"
    ):
        folders.as_mounted(VOLUMES[:1], [HOME, STORE], "tcp://far:2375")


@pytest.mark.docker
def test_a_step_sees_what_its_worker_sees_in_volumes_and_folders(tmp_path):
    import docker

    volume = f"airloop-t-{secrets.token_hex(4)}-store"
    (tmp_path / "landed").write_text("rows")
    wanted = [STORE, Folder(Path("/srv/landing"), "data.source.path", is_writable=False)]
    look = "import pathlib; pathlib.Path('/srv/airloop/store/made').write_text(open('/srv/landing/landed').read())"
    with_image = {"image": "python:3.11-slim-bookworm", "network_mode": "none"}
    engine = docker.from_env()
    worker = engine.containers.create(
        command=["sleep", "60"],
        volumes={volume: {"bind": "/srv/airloop/store"}, str(tmp_path): {"bind": "/srv/landing", "mode": "ro"}},
        **with_image,
    )
    try:
        mounts = folders.mounts_of(engine.api, wanted, this=worker.id)
        engine.containers.run(command=["python", "-c", look], mounts=mounts, remove=True, **with_image)
        # By its exit code: of a container that ends at once an engine may tell no output.
        seen = ["grep", "-qx", "rows", "/srv/airloop/store/made"]
        engine.containers.run(command=seen, mounts=mounts, remove=True, **with_image)
        with pytest.raises(StepFailed, match="cannot see the folder /srv/airloop/store"):
            folders.mounts_of(engine.api, wanted, this=ID)
    finally:
        worker.remove(force=True)
        engine.volumes.get(volume).remove(force=True)
        engine.close()
