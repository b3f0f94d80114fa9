"""The stack up and down: services in their order, and the model servers that releases put beside them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from airloop.compose.engine import ComposeFailed, Engine

HEALTHY_S = 420.0
"""How long all services together may take to become healthy on a slow, busy machine."""
BUILT = ("airflow-init", "mlflow")
"""The services that have an image of their own; the others share it."""
ALL_PROFILES = tuple(f"--profile={name}" for name in ("celery", "observe", "tools"))
"""What runs of a profile that was chosen before ends too."""
Report = Callable[[str], None]


def up(engine: Engine, report: Report) -> None:
    """Build what is new, migrate the databases, start everything and return when it is healthy.

    Raises ComposeFailed with the last lines of the service that is not.
    """
    report("building the images")
    engine.compose("build", *BUILT)
    report("starting the services")
    engine.compose("up", "--detach", "--no-build", "--remove-orphans")
    if servers := engine.containers(role="server"):
        report(f"starting {len(servers)} model servers")
        engine.docker("start", *servers)
    wait(engine, report)


def wait(engine: Engine, report: Report, *, timeout_s: float = HEALTHY_S) -> None:
    """Return when every service is healthy. Raises ComposeFailed with the log of one that is not."""
    deadline, told = time.monotonic() + timeout_s, ""
    while waiting := unready(engine):
        service, why = next(iter(waiting.items()))
        if (is_over := time.monotonic() > deadline) or why.startswith("ended"):
            log = engine.compose("logs", "--no-color", "--tail=25", service)
            after = f" after {timeout_s:.0f} s" if is_over else ""
            raise ComposeFailed(f"{service} is {why}{after}; the last lines of its log:\n{log}")
        if (now := ", ".join(sorted(waiting))) != told:
            told = now
            report(f"waiting for {now}")
        time.sleep(1)


def unready(engine: Engine) -> dict[str, str]:
    """Return service → what is wrong with it, for those that are not healthy yet; jobs that ended well are ready."""
    project = f"label=com.docker.compose.project={engine.settings['COMPOSE_PROJECT_NAME']}"
    # Not those of `compose run`, which are beside the stack.
    filters = ("--filter", project, "--filter", "label=com.docker.compose.oneoff=False")
    found = engine.inspect(engine.docker("ps", "--all", "--quiet", *filters).split())
    states = {each["Config"]["Labels"]["com.docker.compose.service"]: _state(each) for each in found}
    if not states:
        return {"the stack": "not there"}
    return {service: state for service, state in sorted(states.items()) if state != "ready"}


def _state(container: dict[str, Any]) -> str:
    state = container["State"]
    health = state.get("Health", {}).get("Status", "")
    if state["Status"] == "exited" and container["HostConfig"]["RestartPolicy"]["Name"] in ("", "no"):
        return "ready" if state["ExitCode"] == 0 else f"ended with code {state['ExitCode']}"
    if state["Status"] == "running" and health in ("", "healthy"):
        return "ready"
    return health or str(state["Status"])


def down(engine: Engine, report: Report, *, erase: bool = False) -> None:
    """Stop everything; with ``erase`` remove all data as well: databases, models, logs and the gateway's settings."""
    own = engine.containers()
    if erase:
        report("removing the stack and all its data")
        engine.compose(*ALL_PROFILES, "down", "--remove-orphans", "--timeout", "20")
        if own := engine.containers():
            engine.docker("rm", "--force", "--volumes", *own)
        if volumes := engine.docker("volume", "ls", "--quiet", "--filter", f"name=^{engine.prefix}-").split():
            engine.docker("volume", "rm", *volumes)
        return
    report("stopping the stack; its data stay")
    if own:
        engine.docker("stop", *own)
    engine.compose(*ALL_PROFILES, "down", "--remove-orphans", "--timeout", "60")


def tell_where(engine: Engine) -> list[str]:
    """Return where the stack answers, and the login, a line each."""
    given = engine.settings
    local = "http://127.0.0.1:"
    return [
        f"Airflow    {local}{given['AIRLOOP_AIRFLOW_PORT']}   login admin / {given['AIRLOOP_AIRFLOW_PASSWORD']}",
        f"MLflow     {local}{given['AIRLOOP_MLFLOW_PORT']}",
        f"gateway    {local}{given['AIRLOOP_GATEWAY_PORT']}/v2/models/PIPELINE/infer",
        f"registry   127.0.0.1:{given['AIRLOOP_REGISTRY_PORT']}",
    ]
