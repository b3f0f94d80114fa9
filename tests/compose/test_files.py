"""What the compose file and the images' files say, without starting anything."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from airloop.compose import backup, settings
from airloop.compose.engine import ComposeFailed, Engine

PROJECT = Path(__file__).resolve().parents[2]
TEXT = (PROJECT / "docker-compose.yaml").read_text(encoding="utf-8")
PROFILES = ("--profile", "celery", "--profile", "observe", "--profile", "tools")


@pytest.fixture(scope="module")
def services(make_engine: Callable[[], Engine]) -> dict[str, dict]:
    return yaml.safe_load(make_engine().compose(*PROFILES, "config"))["services"]


@pytest.mark.docker
def test_compose_accepts_the_file_with_every_profile(services: dict[str, dict]):
    assert {"postgres", "mlflow", "registry", "gateway", "airflow-init", "redis", "grafana"} < set(services)


@pytest.mark.docker
def test_the_file_needs_settings_and_says_how_to_make_them(has_compose: None, tmp_path: Path):
    (tmp_path / "env").write_text("AIRLOOP_PREFIX=x\nCOMPOSE_PROJECT_NAME=x\n")
    engine = Engine(PROJECT, tmp_path / "env")
    engine.__dict__["settings"] = {}

    with pytest.raises(ComposeFailed, match="run make env"):
        engine.compose("config", "--quiet")


@pytest.mark.docker
def test_ports_are_published_on_loopback_only(services: dict[str, dict]):
    published = [port for service in services.values() for port in service.get("ports", ())]
    # Compose v2 writes a section for what 1.29 writes as a word.
    hosts = {port["host_ip"] if isinstance(port, dict) else port.split(":")[0] for port in published}

    assert len(published) >= 7
    assert hosts == {"127.0.0.1"}


@pytest.mark.docker
def test_only_the_proxy_has_the_engine_and_only_those_who_make_containers_reach_it(services: dict[str, dict]):
    with_socket = [name for name, service in services.items() if "docker.sock" in str(service.get("volumes", ""))]
    reaching = {name for name, service in services.items() if "engine" in service.get("networks", {})}
    told = {name for name, service in services.items() if "DOCKER_HOST" in service.get("environment", {})}

    assert with_socket == ["docker-proxy"]
    assert list(services["docker-proxy"]["networks"]) == ["engine"]
    assert reaching == {
        "docker-proxy", "airflow-init", "airflow-scheduler", "worker-1", "worker-2", "airloop",
    }  # fmt: skip
    assert told == reaching - {"docker-proxy"}


@pytest.mark.docker
def test_airflow_s_database_is_known_to_airflow_s_own_services_alone(services: dict[str, dict]):
    knows = {name for name, service in services.items() if "@postgres/airflow" in str(service.get("environment"))}

    assert knows == {
        "airflow-init", "airflow-apiserver", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer",
    }  # fmt: skip


@pytest.mark.docker
def test_every_image_but_ours_has_a_version_and_every_service_may_do_little(services: dict[str, dict]):
    for name, service in services.items():
        assert re.search(r":v?\d|^airloop/", service["image"]), name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service.get("cap_drop") == ["ALL"] or name == "postgres"
        assert "privileged" not in service


def test_no_secret_is_in_the_repository_or_has_a_default():
    kept = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split()

    assert ".env" not in kept and not [name for name in kept if name.startswith("backups/")]
    for name in settings.SECRETS:
        assert f"${{{name}" in TEXT, name
        assert f"${{{name}:-" not in TEXT, name
    for line in TEXT.splitlines():
        if match := re.match(r"\s*\w*(PASSWORD|TOKEN|SECRET|_KEY): *(.+)", line):
            assert match[2].startswith("${"), line


def test_the_images_know_what_the_checkout_locks():
    version = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
    locked = dict(version.findall((PROJECT / "requirements.txt").read_text()))
    airflow = dict(version.findall((PROJECT / "docker" / "airflow.requirements.txt").read_text()))
    server = dict(version.findall((PROJECT / "docker" / "mlflow.requirements.txt").read_text()))

    assert {name: airflow.get(name) for name in locked} == locked
    assert {"celery", "asyncpg", "psycopg2-binary", "redis", "statsd"} <= set(airflow)
    assert server["mlflow"] == locked["mlflow-skinny"]


def test_what_the_images_are_made_of_leaves_out_secrets_and_data():
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    taken = {line[1:] for line in lines if line.startswith("!")}

    assert "*" in lines
    assert taken == {"dags", "docker", "include", "plugins", "pyproject.toml", "requirements.txt"}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder with the files of a backup."""
    folder = tmp_path / "kept"
    folder.mkdir()
    for name in backup.FILES:
        (folder / name).write_bytes(name.encode() * 100)
    backup.write_sums(folder)
    return folder


def refused(folder: Path) -> str:
    """Return why a backup is refused, by a stack that is not touched: there is none."""
    engine = Engine(folder / "no-project", folder.parent / "env")
    with pytest.raises(ComposeFailed, match="Nothing was changed") as told:
        backup.restore(engine, folder, print)
    assert not engine.env_file.exists()
    return str(told.value)


def test_a_backup_that_lacks_files_is_refused_before_anything_is_touched(kept: Path):
    for name in backup.FILES[1:]:
        (kept / name).unlink()

    assert re.search(r"kept is no whole backup: airloop\.dump, .*, env missing\.", refused(kept))


@pytest.mark.parametrize("name", ["airflow.dump", "registry.tar", "env"])
def test_a_backup_with_a_file_cut_short_is_refused_before_anything_is_touched(kept: Path, name: str):
    whole = (kept / name).read_bytes()
    (kept / name).write_bytes(whole[:-1])

    assert refused(kept).startswith(f"{kept} is no whole backup: {name} cut short or altered since.")


def test_a_backup_without_sums_is_refused_and_says_how_to_take_it_all_the_same(kept: Path):
    whole = (kept / backup.SUMS).read_text()
    (kept / backup.SUMS).unlink()

    command = re.search(r"To take it as it is: \((.*)\)$", refused(kept))
    subprocess.run(["sh", "-c", command[1]], check=True)
    assert (kept / backup.SUMS).read_text() == whole


def test_the_sums_are_those_that_sha256sum_checks(kept: Path):
    subprocess.run(["sha256sum", "--check", "--strict", backup.SUMS], cwd=kept, check=True)


def test_a_restore_brings_the_keys_that_signed_what_is_released():
    assert {"AIRLOOP_SIGNING_KEY", "AIRLOOP_TRUSTED_KEYS"} < set(backup.KEPT)
    for name in backup.KEPT:
        assert f"${{{name}" in TEXT, name
