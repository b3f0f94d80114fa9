"""HTTP as it may come over the wire: whichever way a request takes through the server, the answer is the same."""

from __future__ import annotations

import json
import socket

import pytest


class Wire:
    """One connection, spoken by hand."""

    def __init__(self, url: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20)
        self._seen = b""

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self._socket.sendall(part)

    def receive(self) -> tuple[int, dict[str, str], dict]:
        """Return status, headers and JSON of the next response."""
        while b"\r\n\r\n" not in self._seen:
            self._read()
        head, _, self._seen = self._seen.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(headers["content-length"])
        while len(self._seen) < length:
            self._read()
        body, self._seen = self._seen[:length], self._seen[length:]
        return int(lines[0].split()[1]), headers, json.loads(body)

    def is_closed(self) -> bool:
        return self._socket.recv(1) == b""

    def close(self) -> None:
        self._socket.close()

    def _read(self) -> None:
        data = self._socket.recv(65536)
        assert data, f"closed after {self._seen!r}"
        self._seen += data


@pytest.fixture
def wire(shared):
    wire = Wire(shared[0].url)
    yield wire
    wire.close()


@pytest.fixture
def request_of(kit):
    def make(body=None, *lines: str, path: str = "/v2/models/flights/infer", token: str = kit.TOKENS.infer) -> tuple:
        data = json.dumps(kit.body_of(identity="x") if body is None else body).encode()
        head = [f"POST {path} HTTP/1.1", "Host: test", f"Authorization: Bearer {token}", *lines]
        if not any("chunked" in line for line in lines):
            head.append(f"Content-Length: {len(data)}")
        return "\r\n".join(head).encode() + b"\r\n\r\n", data

    return make


def chunks(data: bytes) -> bytes:
    parts = [data[:10], data[10:]]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_in_one_piece_in_many_and_in_chunks(wire, request_of, shared):
    expected = shared[2].golden.expected
    head, data = request_of()
    chunked, _ = request_of(None, "Transfer-Encoding: chunked")
    expecting, _ = request_of(None, "Expect: 100-continue")
    ways = {
        "one": [head + data],
        "head, body": [head, data],
        "split": [head[:20], head[20:] + data[:7], data[7:]],
        "bytes": [bytes([byte]) for byte in (head + data)[:300]] + [(head + data)[300:]],
        "chunks": [chunked + chunks(data)],
        "chunks, late": [chunked, chunks(data)],
    }
    for name, parts in ways.items():
        wire.send(*parts)
        status, headers, value = wire.receive()
        assert (status, value["outputs"][0]["data"]) == (200, expected), name
        assert headers["content-type"] == "application/json" and "date" in headers
    wire.send(expecting)
    assert wire._socket.recv(100).startswith(b"HTTP/1.1 100 Continue")
    wire.send(data)
    assert wire.receive()[0] == 200


def test_requests_in_a_row_are_answered_in_their_order(wire, request_of, kit):
    sent = []
    for number in range(30):
        where = {"path": "/v2/models/flights/versions/1/infer"} if number % 3 == 1 else {}
        sent.append(b"".join(request_of(kit.body_of(identity=f"r{number}", pick=[number % 5]), **where)))
        if number % 7 == 3:
            sent.append(b"".join(request_of({"id": "wrong"})))
    wire.send(b"".join(sent))
    found = [wire.receive()[2] for _ in sent]
    assert [value["id"] for value in found if "id" in value] == [f"r{number}" for number in range(30)]
    assert [("error" in value) for value in found].count(True) == 4
    assert "error" in found[4]


def test_refusals_keep_the_connection_and_say_why(wire, request_of):
    wire.send(*request_of({"inputs": []}))
    status, _, value = wire.receive()
    assert (status, value["error"].startswith("missing columns: distance")) == (400, True)
    wire.send(*request_of(token="wrong"))
    status, headers, value = wire.receive()
    assert (status, headers["www-authenticate"]) == (401, "bearer")
    wire.send(*request_of(None, "Content-Type: text/csv"))
    assert wire.receive()[0] == 415
    wire.send(*request_of(path="/v2/models/flights/infer?x=1"))
    assert wire.receive()[0] == 200
    wire.send(*request_of(path="/v2/models/flihgts/infer"))
    assert wire.receive()[0] == 404
    wire.send(*request_of())
    assert wire.receive()[0] == 200


def test_the_connection_closes_when_the_client_asks(wire, request_of):
    wire.send(*request_of(None, "Connection: close"))
    status, headers, _ = wire.receive()
    assert (status, headers["connection"]) == (200, "close")
    assert wire.is_closed()


def test_http_1_0_is_understood(wire, request_of):
    head, data = request_of()
    wire.send(head.replace(b"HTTP/1.1", b"HTTP/1.0") + data)
    assert wire.receive()[0] == 200
    assert wire.is_closed()


def test_what_is_not_http_is_refused(wire):
    wire.send(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
    assert wire._socket.recv(100).startswith(b"HTTP/1.1 400 Bad Request")


def test_a_declared_size_above_the_limit_closes(wire, request_of):
    head, data = request_of()
    wire.send(head.replace(b"Content-Length: %d" % len(data), b"Content-Length: 99000000") + data)
    status, headers, value = wire.receive()
    assert (status, headers["connection"]) == (413, "close")
    assert value["error"].startswith("the body is larger than 16,000,000 bytes")


def test_many_rows_take_the_usual_way(start, workspace, kit, request_of):
    bundle = kit.write_bundle(workspace.store, facts={"max_rows": 5000})
    served = start("--no-recall")
    served.client().put_state("flights", {"champion": kit.state_of(bundle)})
    wire = Wire(served.url)
    rows = {name: values * 500 for name, values in kit.ROWS.items()}
    wire.send(*request_of(kit.body_of(rows)))
    assert wire.receive()[2]["outputs"][0]["data"] == bundle.golden.expected * 500
    wire.close()


def test_clients_that_leave_disturb_nobody(shared, request_of, wire):
    for _ in range(5):
        leaver = Wire(shared[0].url)
        leaver.send(b"".join(request_of()))
        leaver.close()
        leaver = Wire(shared[0].url)
        leaver.send(request_of()[0])
        leaver.close()
    wire.send(*request_of())
    assert wire.receive()[0] == 200
    assert "Traceback" not in shared[0].log.read_text()
