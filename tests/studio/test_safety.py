"""What a hostile page, file or picture can do to the studio: nothing."""

import asyncio
import json
import multiprocessing
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import httpx
import pytest

from linksim.studio.limits import ForbiddenError, confine, paths_named
from linksim.studio.tasks import ready
from linksim.studio.workers import Worker

GIB = 1 << 30


def bpsk():
    return ready("bpsk")["graph"]


def graph_of(**blocks):
    return {"linksim": 1, "name": "g", "inputs": {}, "blocks": blocks, "connections": []}


def messages(client, asked):
    """All that a run says."""
    begun = client.post("/api/runs", json=asked)
    assert begun.status_code == 200, begun.text
    with client.stream("GET", f"/api/runs/{begun.json()['run']}") as answer:
        return [json.loads(line) for line in answer.iter_lines()]


# -- who may ask


def test_only_loopback_listens(served):
    listening = [
        line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
    ]
    mine = [address for address in listening if address.endswith(f":{served.port:04X}")]
    assert mine == [f"0100007F:{served.port:04X}"]


@pytest.mark.parametrize("path", ["/", "/api/catalogue", "/api/flowgraphs/bpsk", "/api/runs/x"])
@pytest.mark.parametrize("token", ["", "wrong"])
def test_no_token_no_answer(served, path, token):
    with served.client() as client:
        del client.headers["X-Linksim-Token"]
        headers = {"X-Linksim-Token": token} if token else {}
        assert client.get(path, params={"token": token}, headers=headers).status_code == 401


def test_the_address_opens_the_page_and_nothing_else(served):
    with served.client() as client:
        del client.headers["X-Linksim-Token"]
        assert client.get("/", params={"token": served.token}).status_code == 200
        assert client.get("/api/catalogue", params={"token": served.token}).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", ""])
def test_another_host_is_refused(client, served, host):
    assert client.get("/api/catalogue", headers={"Host": host.format(port=served.port)}).status_code in (400, 421)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1"])
def test_another_origin_is_refused(client, served, origin):
    headers = {"Origin": origin.format(port=served.port)}
    answer = client.post("/api/check", json=bpsk(), headers=headers)
    assert answer.status_code == 403
    preflight = client.options("/api/check", headers={**headers, "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 403
    assert not [name for name in (*answer.headers, *preflight.headers) if name.startswith("access-control")]


def test_the_own_origin_may_ask(client, served):
    headers = {"Origin": f"http://127.0.0.1:{served.port}"}
    assert client.post("/api/check", json=bpsk(), headers=headers).status_code == 200


def test_pages_of_others_cannot_frame_or_load_it(client, served):
    for path in (f"/?token={served.token}", "/static/studio.js"):
        headers = client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd", "/app.py"]
)
def test_files_of_the_server_are_not_served(served, path):
    with socket.create_connection(("127.0.0.1", served.port)) as asking:
        asking.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nConnection: close\r\n\r\n".encode())
        status = asking.makefile("rb").readline()
    assert status.split()[1] in (b"401", b"404")


# -- how much may be sent


def test_a_body_that_is_too_large_is_cut_off(client, served):
    head = f"POST /api/pictures HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nX-Linksim-Token: {served.token}\r\n"
    with socket.create_connection(("127.0.0.1", served.port)) as asking:
        asking.sendall(f"{head}Content-Length: {33 << 20}\r\n\r\n".encode())
        assert asking.makefile("rb").readline().split()[1] == b"413"

    def endless():
        for _ in range(40):
            yield bytes(1 << 20)

    try:
        status = client.post("/api/pictures", content=endless()).status_code
    except httpx.TransportError:
        status = 413
    assert status == 413
    assert client.get("/api/catalogue").status_code == 200


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 50_000, "nested deeper"),
        ('{"linksim": 1, "blocks": "' + "x" * (1 << 20) + '"}', "at most 1048576 bytes"),
        ("linksim: 1\na: &a [x, x]\nb: [*a, *a]\n", "aliases"),
        ("linksim: 1\nblocks: !!python/object/apply:os.system [id]\n", "tags are not allowed"),
        ("linksim: 2\n", "version 1"),
        ("\ud800", "UTF-8"),
        ("", "mapping"),
    ],
)
def test_hostile_text_is_refused(client, text, said):
    for path in ("/api/check", "/api/open", "/api/write/yaml"):
        answer = client.post(path, content=text.encode(errors="surrogatepass"))
        assert answer.status_code in (400, 413)
        assert said in answer.json()["message"]


@pytest.mark.parametrize("kind", ["os.system", "__import__", "Flowgraph", "linksim.blocks.AWGN", "Tied", "Block"])
def test_only_blocks_of_the_catalogue_are_made(client, kind):
    found = client.post("/api/check", json=graph_of(a={"block": kind})).json()
    assert any(fault["block"] == "a" for fault in found["faults"])


# -- what is read


@pytest.fixture
def secret(tmp_path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    return tmp_path


@pytest.mark.parametrize(
    "entry",
    [
        {"block": "PictureSource", "parameters": {"folder": "{folder}"}},
        {"block": "HVVectorizer", "parameters": {"weights": "{folder}/secret.png"}},
        {"block": "PictureGenerator", "parameters": {"backend": "retrieval", "model": "{folder}"}},
        {"block": "Captioner", "parameters": {"backend": "endpoint", "model": "x", "base_url": "http://127.0.0.1:1"}},
        {"block": "ImportanceStudent", "parameters": {"weights": "..\\secret"}},
    ],
)
def test_paths_of_the_server_are_never_read(client, secret, entry):
    entry = json.loads(json.dumps(entry).replace("{folder}", str(secret)))
    inner = {"name": "inner", "inputs": {}, "blocks": {"a": entry}, "connections": []}
    for graph, path in ((graph_of(a=entry), "a"), (graph_of(inner={"flowgraph": inner}), "inner.a")):
        (fault,) = client.post("/api/check", json=graph).json()["faults"]
        assert fault["block"] == path
        assert "reads no files of this computer" in fault["message"]
        for form in ("python", "svg"):
            assert client.post(f"/api/write/{form}", json=graph).status_code == 400
        (said,) = messages(client, {"graph": graph, "inputs": {}})
        assert said["event"] == "error"
        assert "reads no files of this computer" in said["message"]


def test_a_text_in_a_list_counts_as_well():
    entry = {"block": "X", "parameters": {"files": [1, {"deep": "/etc/passwd"}]}}
    assert len(paths_named(graph_of(a=entry, b={"block": "X", "parameters": {"name": "plain"}}))) == 1


def _tried(channel, folder, outside):
    confine(Path(folder), 4 * GIB)

    def forbidden(attempt):
        try:
            attempt()
        except ForbiddenError:
            return True
        except Exception as error:
            return repr(error)
        return False

    own = Path("own")
    attempts = {
        "read": lambda: Path(outside, "secret.png").read_bytes(),
        "write": lambda: Path(outside, "new").write_bytes(b"x"),
        "root": lambda: Path(f"/proc/self/root{outside}/secret.png").read_bytes(),
        "memory": lambda: Path("/dev/shm/linksim-studio-test").write_bytes(b"x"),
        "others": lambda: Path("/proc/1/environ").read_bytes(),
        "password": lambda: Path("/etc/passwd").read_bytes(),
        "link": lambda: (own.symlink_to(Path(outside, "secret.png")), own.read_bytes()),
        "connect": lambda: socket.create_connection(("127.0.0.1", 9)),
        "program": lambda: __import__("subprocess").run(["true"], check=True),
        "shell": lambda: __import__("os").system("true"),
    }
    found = {name: forbidden(attempt) for name, attempt in attempts.items()}
    Path("mine").write_bytes(b"own")
    channel.send((found, Path("mine").read_bytes()))


def test_the_second_lock_holds(tmp_path, secret):
    own = tmp_path / "worker"
    own.mkdir()
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_tried, args=(theirs, str(own), str(secret)))
    process.start()
    theirs.close()
    found, written = mine.recv()
    process.join()
    assert set(found.values()) == {True}, found
    assert written == b"own"
    assert not (secret / "new").exists()


# -- pictures


def run_with(client, picture):
    key = client.post("/api/pictures", content=picture).json()["picture"]
    inputs = {"image": {"picture": key}, "snr_db": 10}
    return messages(client, {"graph": ready("klt")["graph"], "inputs": inputs})[-1]


def png(width, height):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1 << 20)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("picture", "said"),
    [(b"<html>no picture</html>", "picture"), (png(60_000, 60_000), "pixels"), (png(640, 480)[:500], "picture")],
)
def test_a_bad_picture_is_an_error_of_the_run(client, picture, said):
    last = run_with(client, picture)
    assert last["event"] == "error"
    assert said in last["message"]
    assert "/" not in last["message"].replace("and/or", ""), last["message"]


def test_an_empty_picture_and_one_that_is_not_kept(client):
    assert client.post("/api/pictures", content=b"").status_code == 400
    asked = {"graph": ready("klt")["graph"], "inputs": {"image": {"picture": "unknown"}}}
    assert client.post("/api/runs", json=asked).status_code == 404


# -- memory and time


def test_memory_is_bounded(client):
    said = messages(client, {"graph": bpsk(), "inputs": {"snr_db": 4}, "batch": 10_000_000})[-1]
    assert said["event"] == "error"
    assert "3 GiB of memory; start linksim studio with a larger --memory" in said["message"]
    assert client.get("/api/catalogue").status_code == 200


def slow(batch=40_000):
    graph = bpsk()
    text = json.dumps(
        {**graph, "blocks": {**graph["blocks"], "bits": {"block": "BitSource", "parameters": {"length": 4096}}}}
    )
    return text.encode(), {"inputs": {"snr_db": 4}, "seed": 0, "batch": batch}, None


def test_time_is_bounded():
    async def too_slow():
        worker = await Worker("run", slow(), 8 * GIB, 0.3).start()
        try:
            return await worker.result(), worker
        finally:
            worker.close()

    message, worker = asyncio.run(too_slow())
    assert message["event"] == "error"
    assert "more --minutes" in message["message"]
    worker._process.join(5)
    assert not worker._process.is_alive()
    assert not Path(worker._folder).exists()


def test_stop_while_it_runs():
    async def stopped():
        worker = await Worker("run", slow(), 8 * GIB, 60).start()
        await asyncio.sleep(0.5)
        worker.stop()
        return await worker.result(), worker

    message, worker = asyncio.run(stopped())
    assert message["message"] == "stopped"
    worker._process.join(5)
    assert not worker._process.is_alive()


def test_a_worker_that_dies_is_an_error():
    async def killed():
        worker = await Worker("run", slow(), 8 * GIB, 60).start()
        await asyncio.sleep(0.3)
        worker._process.kill()
        try:
            return await worker.result()
        finally:
            worker.close()

    assert "ended before its task" in asyncio.run(killed())["message"]


def test_too_many_at_once_are_refused(client):
    text, asked, _ = slow()
    begun = [client.post("/api/runs", json={"graph": json.loads(text), **asked}) for _ in range(4)]
    assert [each.status_code for each in begun] == [200, 200, 200, 429]
    for each in begun[:3]:
        assert client.delete(f"/api/runs/{each.json()['run']}").status_code == 200


def test_two_tabs_have_their_own_runs(client):
    asked = [{"graph": bpsk(), "inputs": {"snr_db": snr_db}, "seed": 3, "batch": 32} for snr_db in (0, 8)]
    keys = [client.post("/api/runs", json=each).json()["run"] for each in asked]
    found = []
    for key in keys:
        with client.stream("GET", f"/api/runs/{key}") as answer:
            found.append([json.loads(line) for line in answer.iter_lines()][-1]["outputs"]["ber"]["text"])
    again = messages(client, asked[0])[-1]
    assert found[0] == again["outputs"]["ber"]["text"] != found[1]


def test_a_run_that_was_let_go_says_so(client):
    assert client.get("/api/runs/unknown/wire", params={"port": "a.b"}).status_code == 404
    first = client.post("/api/runs", json={"graph": bpsk(), "inputs": {"snr_db": 0}}).json()["run"]
    for _ in range(8):
        messages(client, {"graph": bpsk(), "inputs": {"snr_db": 0}})
    gone = client.get(f"/api/runs/{first}")
    assert gone.status_code == 404
    assert "run again" in gone.json()["message"]


@pytest.mark.parametrize(
    "asked",
    [
        [],
        {"graph": 1, "inputs": {}},
        {"graph": {}, "inputs": []},
        {"graph": {}, "inputs": {}, "seed": 1.5},
        {"graph": {}, "inputs": {}, "seed": True},
        {"graph": {}, "inputs": {}, "batch": 0},
        {"graph": {}, "inputs": {}, "batch": "many"},
    ],
)
def test_a_run_that_makes_no_sense_is_refused(client, asked):
    answer = client.post("/api/runs", json=asked)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_nonsense_in_a_question_about_a_wire(client):
    key = client.post("/api/runs", json={"graph": bpsk(), "inputs": {"snr_db": 4}}).json()["run"]
    client.get(f"/api/runs/{key}")
    for port in ("", ".", "..", "a", "channel", "channel.nothing", ".nothing", "x..y", "\x00"):
        answer = client.get(f"/api/runs/{key}/wire", params={"port": port})
        assert answer.status_code == 400, port
        assert answer.json()["message"]
    assert client.get(f"/api/runs/{key}/wire", params={"port": "channel.out", "frame": "-1"}).status_code == 400
    assert client.get(f"/api/runs/{key}/wire", params={"port": "channel.out", "frame": "9999"}).status_code == 200


def test_ctrl_c_ends_everything_at_once_and_says_nothing_more(tmp_path):
    command = [Path(sys.executable).with_name("linksim"), "studio", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path,
                          start_new_session=True) as server:  # fmt: skip
        server.stdout.readline()
        server.stdout.readline()
        # As a terminal does: to all processes, while the first worker is still on its way.
        time.sleep(0.3)
        os.killpg(server.pid, signal.SIGINT)
        said = server.stdout.read()
        assert server.wait(30) == 130
    assert said.splitlines() == ["interrupted"]
