"""The SDK's client for Azure: the key in a header of its own, the model in the path."""

import os

import openai
import pytest

import management

HELLO = [{"role": "user", "content": "hello from Azure"}]


@pytest.fixture(params=[{}, {"azure_deployment": "demo/echo"}], ids=["model", "deployment"])
def azure(request):
    """The SDK escapes the slash of a model that is named in the call, and leaves that of a deployment as it is."""
    key, version = os.environ["WARDROOM_KEY"], "2024-10-21"
    options = {"azure_endpoint": management.URL, "api_key": key, "api_version": version, "max_retries": 0}
    with openai.AzureOpenAI(**options, **request.param) as client:
        yield client


def test_a_chat_reaches_the_deployment(azure):
    answer = azure.chat.completions.create(model="demo/echo", messages=HELLO)
    assert answer.model == "demo/echo"
    assert answer.choices[0].message.content == "hello from Azure"


def test_a_stream_reaches_the_deployment(azure):
    chunks = list(azure.chat.completions.create(model="demo/echo", messages=HELLO, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "hello from Azure"


def deployment(name):
    return f"{management.URL}/openai/deployments/{name}/chat/completions?api-version=2024-10-21"


def test_a_model_of_null_in_the_body_is_the_one_in_the_path(azure):
    answer = azure.post(deployment("demo/echo"), body={"model": None, "messages": HELLO}, cast_to=object)
    assert answer["model"] == "demo/echo"


def test_an_unknown_deployment_is_not_found(azure):
    with pytest.raises(openai.NotFoundError) as refused:
        azure.post(deployment("nobody/knows-me"), body={"messages": HELLO}, cast_to=object)
    assert refused.value.code == "model_not_found"


def test_the_newer_address_of_azure_is_the_plain_client():
    key = os.environ["WARDROOM_KEY"]
    with openai.OpenAI(base_url=f"{management.URL}/openai/v1/", api_key=key, max_retries=0) as client:
        assert client.chat.completions.create(model="demo/echo", messages=HELLO).choices
        assert client.models.retrieve("demo/echo").id == "demo/echo"
