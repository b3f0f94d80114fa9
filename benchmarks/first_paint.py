"""How soon does a person see the Models page of 300 pipelines with two years of history, and Airflow's own DAG list?

    python benchmarks/first_paint.py --rounds 5        (some minutes on 2 cores; needs Chromium)

Both are pages of one real Airflow web server with the same 900 DAGs, opened in turn. "Paint" is the first content that
Chromium shows; "shown" is when the first row is there to be read. Each figure is a median; the ratios are what counts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import BrowserContext, Page
from tests.browser import chrome
from tests.many_pipelines import write

from airloop.laptop import ports, settings

PAGES = {
    "Airflow's DAG list": ("/dags", "a[href*='/dags/']:has-text('.train')"),
    "Models, in Airflow": ("/plugin/airloop", "iframe"),
    "Models, by themselves": ("/airloop/ui/", "tbody th a"),
}
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pipelines", type=int, default=300)
    parser.add_argument("--weeks", type=int, default=104)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="airloop-bench-") as scratch:
        home = Path(scratch)
        write(home / "pipelines", f"sqlite:///{home}/ledger.db", pipelines=given.pipelines, weeks=given.weeks)
        with web_server(home) as (url, name, password), chrome.browser() as browser:
            context = browser.new_context(viewport=chrome.DESKTOP, base_url=url)
            chrome.log_in(context, url, name, password)
            kept = context.storage_state()
            found: dict[str, list[tuple[float, float]]] = {title: [] for title in PAGES}
            # The first round warms the server and is left out.
            for turn in range(given.rounds + 1):
                for title in PAGES:
                    fresh = browser.new_context(viewport=chrome.DESKTOP, base_url=url, storage_state=kept)
                    times = opened(fresh, *PAGES[title])
                    fresh.close()
                    if turn:
                        found[title].append(times)
    tell(found, given.pipelines)


def opened(context: BrowserContext, path: str, row: str) -> tuple[float, float]:
    """Return milliseconds to the first paint and to the first row, with an empty cache."""
    page = context.new_page()
    began = time.perf_counter()
    page.goto(path, wait_until="commit")
    wait_for_row(page, row)
    shown_ms = (time.perf_counter() - began) * 1e3
    page.wait_for_function(f"!Number.isNaN({PAINT})")
    return float(page.evaluate(PAINT)), shown_ms


def wait_for_row(page: Page, row: str) -> None:
    """Return when the first row can be seen; inside Airflow it is in a frame."""
    inside = page.frame_locator("iframe").locator("tbody th a") if row == "iframe" else page.locator(row)
    inside.first.wait_for(timeout=120_000)


def tell(found: dict[str, list[tuple[float, float]]], pipelines: int) -> None:
    """Print the medians, and what they are of those of Airflow's list."""
    rounds = len(next(iter(found.values())))
    print(f"{pipelines} pipelines; milliseconds, median of {rounds} empty caches, and ratio to Airflow's list")
    print(f"{'':<26}{'paint':>9}{'ratio':>8}{'shown':>9}{'ratio':>8}")
    medians = {
        title: [statistics.median(times) for times in zip(*rounds, strict=True)] for title, rounds in found.items()
    }
    paint, shown = medians["Airflow's DAG list"]
    for title, (one, other) in medians.items():
        print(f"{title:<26}{one:>9.0f}{one / paint:>8.2f}{other:>9.0f}{other / shown:>8.2f}")


@contextmanager
def web_server(home: Path) -> Iterator[tuple[str, str, str]]:
    """Give a real Airflow web server that knows the DAGs of all pipelines: its address, and a user and password."""
    environ = {
        "AIRLOOP_HOME": str(home),
        "AIRLOOP_PIPELINES": str(home / "pipelines"),
        "AIRLOOP_AIRFLOW_PORT": str(ports.any_free()),
        "AIRLOOP_SERVER_PORT": str(ports.any_free()),
    }
    chosen = settings.prepare(environ)
    env = {**chosen.environment, "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600"}
    with (home / "airflow.log").open("wb") as out:
        for words in (("db", "migrate"), ("dags", "reserialize")):
            subprocess.run([sys.executable, "-m", "airflow", *words], env=env, stdout=out, stderr=out, check=True)
        server = subprocess.Popen([sys.executable, "-m", "airflow", "api-server"], env=env, stdout=out, stderr=out)
    try:
        wait_for(f"{chosen.airflow_url}/api/v2/version")
        yield chosen.airflow_url, chosen.user, chosen.password
    finally:
        server.terminate()
        server.wait(60)


def wait_for(url: str) -> None:
    """Return when the server answers."""
    for _ in range(600):
        try:
            json.loads(httpx.get(url, trust_env=False).text)
            return
        except (httpx.HTTPError, ValueError):
            time.sleep(0.3)
    raise TimeoutError(f"{url} does not answer")


if __name__ == "__main__":
    main()
