"""The gateway as releases use it, with a real nginx: who answers, what a change costs, and what goes wrong."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from airloop import engine
from airloop.errors import BundleError, Unreachable
from airloop.gateway import Gateway, Route, Upstream, files, render
from airloop.gateway.files import Entry
from airloop.gateway.reloading import Reloading

pytestmark = pytest.mark.docker


def test_the_champion_answers_and_others_are_not_there(stack, servers):
    one, _ = servers
    stack.gateway.put("flights", Route(one))
    assert stack.gateway.route("flights") == Route(one)
    assert stack.ask()[1]["path"] == "/v2/models/flights/infer"
    assert (
        stack.ask("/v2/models/flights/versions/1/infer?x=%20")[1]["path"] == "/v2/models/flights/versions/1/infer?x=%20"
    )
    assert stack.ask("/v2/models/ships/infer") == (
        404,
        {"error": "no such model or path here. Try /v2/models/NAME/infer"},
    )
    assert stack.ask("/admin/pipelines/flights")[0] == 404
    assert stack.ask("/v2/health/ready") == (200, {"ready": True})
    assert stack.gateway.route("ships") == Route()


def test_requests_are_shared_by_percent_and_by_their_id(stack, servers):
    one, two = servers
    stack.gateway.put("flights", Route(one, two, 30))
    counts = Counter(stack.answered_by() for _ in range(400))
    assert counts["two"] == pytest.approx(120, abs=40)  # 4.4 standard deviations
    by_id = {f"id-{number}": stack.answered_by(x_request_id=f"id-{number}") for number in range(40)}
    assert set(by_id.values()) == {"one", "two"}
    assert by_id == {name: stack.answered_by(x_request_id=name) for name in by_id}
    assert stack.ask("/v2/models/flights/versions/2/infer")[1]["server"] == two.server
    assert stack.ask("/v2/models/flights/ready")[1]["server"] == one.server


def test_a_candidate_without_a_champion_and_a_model_without_either(stack, servers):
    _, two = servers
    stack.gateway.put("flights", Route(candidate=two, candidate_percent=10))
    assert {stack.answered_by() for _ in range(10)} == {"two"}
    stack.gateway.put("flights", Route(candidate=two))
    assert stack.ask() == (503, {"error": "the pipeline has no champion yet; release one"})
    stack.gateway.remove("flights")
    stack.gateway.remove("flights")
    assert stack.ask()[0] == 404


def test_a_champion_that_is_gone_is_said_and_back_again_answers(stack):
    one = stack.serve("comes-and-goes")
    stack.gateway.put("ships", Route(one))
    container = stack.client.containers.get(one.server)
    container.kill()
    assert stack.ask("/v2/models/ships/infer") == (503, {"error": "no server of that name or model answers"})
    with stack.gateway.server(one.server) as server:
        with pytest.raises(Unreachable, match="no server of that name or model answers"):
            server.get_state("ships")
        container.start()
        while not server.ready():
            time.sleep(0.05)
    assert stack.ask("/v2/models/ships/infer")[0] == 200


def test_a_shadow_gets_copies_and_answers_nobody(stack, servers):
    one, two = servers
    stack.gateway.put("flights", Route(one, two, shadow=True))
    before = len(stack.seen_by(two))
    assert [stack.answered_by(x_airloop_shadow="1") for _ in range(5)] == ["one"] * 5
    status, said = stack.ask(
        "/v2/models/flights/infer?a=1", b'{"large": "%b"}' % (b"x" * 300_000), x_airloop_compare="mine"
    )
    assert (status, said["server"]) == (200, one.server)
    for _ in range(100):
        if len(stack.seen_by(two)) == before + 6:
            break
        time.sleep(0.05)
    copies, asked = stack.seen_by(two)[before:], stack.seen_by(one)[-6:]
    assert [copy["headers"].get("x-airloop-shadow") for copy in copies] == ["1"] * 6
    assert [each["headers"].get("x-airloop-shadow") for each in asked] == [None] * 6
    by_id = {copy["headers"]["x-airloop-compare"]: copy["body"] for copy in copies}
    assert len(by_id) == 6
    assert by_id == {each["headers"]["x-airloop-compare"]: each["body"] for each in asked}


def test_a_client_cannot_mark_its_requests(stack, servers):
    one, two = servers
    stack.gateway.put("flights", Route(one, two, 50))
    for _ in range(10):
        stack.ask(x_airloop_shadow="1", x_airloop_compare="mine", x_airloop_instead="1")
    for server in servers:
        headers = stack.seen_by(server)[-1]["headers"]
        assert not {"x-airloop-shadow", "x-airloop-compare", "x-airloop-instead"} & headers.keys()


def test_no_request_is_lost_while_routes_change(stack, servers):
    one, two = servers
    stack.gateway.put("flights", Route(one))
    is_over, problems, answered = threading.Event(), [], Counter()

    def hammer() -> None:
        while not is_over.is_set():
            try:
                status, said = stack.ask()
            except (OSError, http.client.HTTPException) as error:
                problems.append(repr(error))
                continue
            answered[said.get("server")] += 1
            if status != 200:
                problems.append(f"{status} {said}")

    threads = [threading.Thread(target=hammer) for _ in range(6)]
    for thread in threads:
        thread.start()
    try:
        for route in (Route(one, two, 50), Route(two), Route(two, one, shadow=True), Route(two, one, 10), Route(one)):
            stack.gateway.put("flights", route)
            time.sleep(0.1)
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert problems == []
    assert answered[one.server] > 50 and answered[two.server] > 50


def test_a_change_waits_for_what_is_still_on_its_way_to_the_old_server(stack, servers):
    one, two = servers
    stack.gateway.put("flights", Route(one))
    address = urlsplit(stack.workspace.gateway_url)
    with closing(socket.create_connection((address.hostname, address.port), timeout=30)) as slow:
        slow.sendall(b"POST /v2/models/flights/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        changing = threading.Thread(target=stack.gateway.put, args=("flights", Route(two)))
        changing.start()
        sent = 1
        while stack.answered_by() != "two":
            time.sleep(0.1)
            sent += slow.send(b" ")  # nginx gives up on a client that is silent
        time.sleep(0.3)
        assert changing.is_alive()
        slow.sendall(b"}".rjust(1000 - sent))
        assert one.server.encode() in slow.recv(65536)
    changing.join(30)
    assert not changing.is_alive()


def test_a_configuration_that_nginx_refuses_changes_nothing(stack, servers):
    one, two = servers
    stack.gateway.put("flights", Route(one))
    before = stack.gateway.routes()
    with pytest.raises(BundleError, match=r"nothing was changed: .*too long path in the unix domain socket"):
        stack.gateway.put("trains", Route(Upstream("x" * 100, "bundle", "1")))
    assert stack.gateway.routes() == before
    assert stack.answered_by() == "one"
    _, listed = stack.container.exec_run(["ls", "/etc/airloop"])
    assert listed.decode().split() == ["lock", "nginx.conf"]
    stack.gateway.put("flights", Route(two))
    assert stack.answered_by() == "two"


def test_a_hundred_pipelines_with_the_longest_names_fit(stack, servers):
    one, two = (replace(server, server=f"{server.server}-{'x' * 50}") for server in servers)
    names = [f"{'p' * 60}{number:03d}" for number in range(100)]
    routes = {name: Route(one, two, 50, shadow=True) for name in names}
    files.put(stack.container, "/etc/airloop", Entry("many.conf", 0o644, render(routes, stack="many").encode()))
    assert Reloading(stack.container).check("many.conf") == ""
    stack.container.exec_run(["rm", "/etc/airloop/many.conf"], user="0")


def test_pipelines_that_change_at_once_all_get_their_routes(stack, servers):
    one, two = servers
    problems = []

    def change(number: int) -> None:
        with engine.connected() as client:
            gateway = Gateway(stack.workspace, client)
            try:
                for upstream in (one, two):
                    gateway.put(f"pipeline_{number}", Route(upstream))
            except (BundleError, Unreachable) as error:
                problems.append(error)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert [stack.gateway.route(f"pipeline_{number}") for number in range(3)] == [Route(two)] * 3
    assert stack.ask("/v2/models/pipeline_2/infer")[1]["server"] == two.server


def test_putting_what_is_there_reloads_nothing(stack, servers):
    one, _ = servers
    stack.gateway.put("flights", Route(one))
    find = ["sh", "-c", "grep -l 'nginx[:] worker' /proc/[0-9]*/cmdline"]
    before = stack.container.exec_run(find).output.split()
    stack.gateway.put("flights", Route(one))
    assert len(before) == 4
    assert stack.container.exec_run(find).output.split() == before


def test_a_configuration_that_was_written_but_never_loaded_is_loaded(stack, servers):
    one, two = servers
    stack.gateway.put("flights", Route(one))
    stack.container.exec_run(["cp", "/etc/airloop/nginx.conf", "/etc/airloop/kept"], user="0")
    stack.gateway.put("flights", Route(two))
    stack.container.exec_run(["mv", "/etc/airloop/kept", "/etc/airloop/nginx.conf"], user="0")
    assert stack.answered_by() == "two"
    stack.gateway.put("flights", Route(one))
    assert stack.answered_by() == "one"


def test_what_is_served_outlives_the_gateway(stack, servers):
    one, two = servers
    stack.gateway.put("flights", Route(one, two, 0))
    container = stack.container
    container.restart()
    stack.gateway.ensure()
    assert stack.answered_by() == "one"
    container.stop()
    assert stack.gateway.route("flights") == Route(one, two, 0)
    stack.gateway.put("flights", Route(two))
    assert stack.answered_by() == "two"
    container.remove(force=True)
    assert Gateway(stack.workspace, stack.client).route("flights") == Route(two)
    stack.gateway.ensure()
    assert stack.answered_by() == "two"
    container.client.containers.get(container.name).pause()
    stack.gateway.ensure()
    assert stack.answered_by() == "two"


def test_the_container_may_do_next_to_nothing(stack):
    told = stack.client.api.inspect_container(stack.container.id)
    host = told["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False)
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["RestartPolicy"]["Name"] == "always"
    assert host["Memory"] == host["MemorySwap"] == 256 * 1024**2
    _, said = stack.container.exec_run(
        ["sh", "-c", "id -u; touch /x /etc/airloop/x /etc/airloop/nginx.conf; grep Cap /proc/1/status"]
    )
    assert said.decode().startswith("10001\n")
    assert said.decode().count("Read-only file system") == 1 and said.decode().count("Permission denied") == 2
    assert said.decode().count("0000000000000000") == 5
    published = told["NetworkSettings"]["Ports"].values()
    assert {place["HostIp"] for places in published for place in places or ()} == {"127.0.0.1"}


def test_several_at_once_make_one_gateway(empty_stack):
    problems = []

    def ensure() -> None:
        with engine.connected() as client:
            try:
                Gateway(empty_stack.workspace, client).ensure()
            except Unreachable as error:
                problems.append(error)

    threads = [threading.Thread(target=ensure) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    wanted = {"label": f"dev.airloop.stack={empty_stack.workspace.prefix}"}
    names = [one.name for one in empty_stack.client.containers.list(all=True, filters=wanted)]
    assert names == [f"{empty_stack.workspace.prefix}-gateway"]


@pytest.mark.parametrize("door", ["gateway_url", "gateway_admin_url"])
def test_a_taken_port_is_named_and_nothing_is_left(empty_stack, door):
    address = urlsplit(getattr(empty_stack.workspace, door))
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((address.hostname, address.port))
        taken.listen()
        with pytest.raises(Unreachable, match=f"127.0.0.1:{address.port} is taken. Stop what listens there, or choose"):
            empty_stack.gateway.ensure()
    wanted = {"label": f"dev.airloop.stack={empty_stack.workspace.prefix}"}
    assert empty_stack.client.containers.list(all=True, filters=wanted) == []


def test_a_gateway_that_something_else_made_is_adopted(empty_stack):
    gateway, prefix = empty_stack.gateway, empty_stack.workspace.prefix
    gateway.prepare()
    assert gateway.routes() == {}
    ports = [urlsplit(url).port for url in (gateway.url, empty_stack.workspace.gateway_admin_url)]
    empty_stack.client.containers.create(
        "nginx:1.28",
        ["nginx", "-c", "/etc/airloop/nginx.conf", "-g", "daemon off;"],
        name=f"{prefix}_gateway_1",
        labels=engine.labels(empty_stack.workspace, "gateway"),
        volumes={
            f"{prefix}-gateway": {"bind": "/etc/airloop", "mode": "rw"},
            f"{prefix}-sockets": {"bind": "/run/airloop", "mode": "rw"},
        },
        ports={"8080/tcp": ("127.0.0.1", ports[0]), "8081/tcp": ("127.0.0.1", ports[1])},
    )
    gateway.ensure()
    one = empty_stack.serve("one")
    gateway.put("flights", Route(one))
    assert empty_stack.answered_by() == "one"
    with pytest.raises(Unreachable, match=f"answers the gateway of the stack '{prefix}', not that of 'other'"):
        other = replace(empty_stack.workspace, prefix="other")
        Gateway(other, empty_stack.client)._answers(empty_stack.client.containers.get(f"{prefix}_gateway_1"))
