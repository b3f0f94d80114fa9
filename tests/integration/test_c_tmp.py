import pytest
from tests.integration.conftest import running
from airloop.workspace import Workspace
from airloop.overview.why import why

pytestmark=[pytest.mark.e2e, pytest.mark.timeout(1200)]

def test_it(tmp_path):
    with running(tmp_path) as laptop:
        run = laptop.trigger("asks_first.train", as_of="2026-02-10", why="the board asks")
        laptop.until(lambda: laptop.states("asks_first.train", run).get("approve_release") == "awaiting_input", "asks", timeout_s=500)
        path=f"/dags/asks_first.train/dagRuns/{run}/taskInstances/approve_release/-1/hitlDetails"
        print("DETAIL", laptop.api.request("GET", path))
        laptop.api.approve("asks_first.train", run, "approve_release", "Reject", "wrong for the north")
        laptop.until(lambda: laptop.api.run("asks_first.train", run)["state"] in ("success","failed"), "ends", timeout_s=500)
        print(laptop.states("asks_first.train", run))
        w = Workspace.from_environment(laptop.environ)
        for e in w.ledger.entries("asks_first"): print(e.kind, e.run_id, dict(e.payload) if e.kind!="verdict" else "")
        a = why(w, "asks_first", run=run, task="package_bundle")
        print(a)
        w.ledger.pause("asks_first", by="ann", reason="prices")
        run2 = laptop.trigger("asks_first.train", as_of="2026-02-10")
        laptop.until(lambda: laptop.states("asks_first.train", run2).get("approve_release") == "awaiting_input", "asks", timeout_s=500)
        laptop.api.approve("asks_first.train", run2, "approve_release", "Approve", "fine")
        laptop.until(lambda: laptop.api.run("asks_first.train", run2)["state"] in ("success","failed"), "ends", timeout_s=500)
        print(laptop.states("asks_first.train", run2))
        print(why(w, "asks_first", run=run2)); print(why(w, "asks_first", run=run2, task="release")); print(why(w,"asks_first",version="1"))
