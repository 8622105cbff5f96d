"""Fixtures: servers with the engine of fake_engine.cc."""
import contextlib

import pytest

from fake_server import FAKE, FakeServer


@pytest.fixture
def fake():
    """fake(...) starts a server that is stopped at the end of the test."""
    assert FAKE.exists(), f"{FAKE} is not built"
    with contextlib.ExitStack() as stack:
        def start(*arguments, **options):
            server = FakeServer(*arguments, **options)
            stack.callback(server.stop)
            return server
        yield start


@pytest.fixture(scope="session")
def server():
    """One for all tests that do not disturb it."""
    assert FAKE.exists(), f"{FAKE} is not built"
    shared = FakeServer()
    yield shared
    shared.stop()
