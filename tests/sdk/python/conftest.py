"""Clients for the tests: the official SDK with the address and the key of a running Wardroom."""

import os

import openai
import pytest

import management


def new_client(key, **options):
    """Retries are off unless a test is about them: a second try would hide what the first one was answered."""
    settings = {"max_retries": 0, "timeout": 30.0} | options
    return openai.OpenAI(base_url=f"{management.URL}/v1", api_key=key, **settings)


@pytest.fixture(scope="session")
def client():
    """A client whose key may use everything."""
    with new_client(os.environ["WARDROOM_KEY"]) as client:
        yield client


@pytest.fixture
def client_with():
    """Makes a client with a virtual key of its own: `client_with(models=["demo/echo"])`."""
    opened = []

    def make(options=None, **limits):
        opened.append(new_client(management.make_key(**limits), **(options or {})))
        return opened[-1]

    yield make
    for client in opened:
        client.close()
