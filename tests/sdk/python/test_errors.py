"""Each way to be refused is the SDK's own error class, with a code that a program can act on."""

import time

import openai
import pytest

import management
from conftest import new_client

HELLO = [{"role": "user", "content": "hello"}]


def chat(client, model="demo/echo", messages=None, **options):
    return client.chat.completions.create(model=model, messages=messages or HELLO, **options)


def fail(client, how):
    """Asks the provider that fails as its message says."""
    return chat(client, "demo/failing", [{"role": "user", "content": how}])


# ---- The key.


@pytest.mark.parametrize("key", ["sk-nobody-has-this-key", "not-even-a-key", "sk-" + "x" * 4000])
def test_an_unknown_key_is_an_authentication_error(key):
    with new_client(key) as client, pytest.raises(openai.AuthenticationError) as refused:
        chat(client)
    assert refused.value.code == "invalid_api_key"
    assert "x" * 40 not in refused.value.message


def test_a_blocked_key_is_refused_at_once_and_works_again_when_unblocked():
    key = management.make_key()
    with new_client(key) as client:
        assert chat(client).choices
        management.call("POST", "/key/block", {"key": key})
        with pytest.raises(openai.AuthenticationError) as refused:
            chat(client)
        assert refused.value.code == "key_blocked"
        management.call("POST", "/key/unblock", {"key": key})
        assert chat(client).choices


def test_an_expired_key_is_refused(client_with):
    client = client_with(duration="1s")
    time.sleep(1.2)
    with pytest.raises(openai.AuthenticationError) as refused:
        chat(client)
    assert refused.value.code == "expired_key"


def test_a_deleted_key_is_refused_for_ever():
    key = management.make_key()
    with new_client(key) as client:
        assert chat(client).choices
        management.call("POST", "/key/delete", {"keys": [key]})
        with pytest.raises(openai.AuthenticationError):
            chat(client)


def test_a_model_that_the_key_may_not_use_is_a_permission_error(client_with):
    client = client_with(models=["demo/markdown"])
    with pytest.raises(openai.PermissionDeniedError) as refused:
        chat(client)
    assert refused.value.code == "key_model_access_denied"


def test_an_endpoint_that_the_key_may_not_use_is_a_permission_error(client_with):
    client = client_with(allowed_routes=["/v1/chat/completions"])
    assert chat(client).choices
    with pytest.raises(openai.PermissionDeniedError) as refused:
        client.embeddings.create(model="demo/embedding", input="a key")
    assert refused.value.code == "endpoint_not_allowed"
    with pytest.raises(openai.PermissionDeniedError):
        client.models.list()


# ---- The budget.


def test_a_spent_budget_is_a_rate_limit_error_and_the_sdk_does_not_try_again():
    key, sent = management.make_key(max_budget=0.000001), []
    http = openai.DefaultHttpx2Client(event_hooks={"request": [sent.append]})
    with new_client(key, max_retries=3, http_client=http) as client:
        with pytest.raises(openai.RateLimitError) as refused:
            # The first call may be let through, when it costs less than is reserved for it; the third never is.
            for _ in range(3):
                sent.clear()
                chat(client)
        assert len(sent) == 1
    assert refused.value.code == "budget_exceeded"
    assert refused.value.response.headers["x-should-retry"] == "false"


def test_a_budget_that_grows_lets_the_key_work_again():
    key = management.make_key(max_budget=0.0)
    with new_client(key) as client:
        with pytest.raises(openai.RateLimitError):
            chat(client)
        management.call("POST", "/key/update", {"key": key, "max_budget": 1.0})
        assert chat(client).choices


# ---- The request.


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as refused:
        chat(client, "nobody/knows-me")
    assert refused.value.code == "model_not_found"
    assert "nobody/knows-me" in refused.value.message


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/chat/completions", {"messages": HELLO}, "model"),
        ("/chat/completions", {"model": 7, "messages": HELLO}, "model"),
        ("/chat/completions", {"model": "demo/echo"}, "messages"),
        ("/chat/completions", {"model": "demo/echo", "messages": "hello"}, "messages"),
        ("/chat/completions", {"model": "demo/echo", "messages": HELLO, "stream": "yes"}, "stream"),
        ("/embeddings", {"model": "demo/embedding"}, "input"),
    ],
)
def test_a_body_of_the_wrong_shape_names_the_field_at_fault(client, path, body, param):
    with pytest.raises(openai.BadRequestError) as refused:
        client.post(path, body=body, cast_to=object)
    assert refused.value.param == param


def test_a_body_that_is_too_large_is_refused_and_not_cut(client):
    with pytest.raises(openai.APIStatusError) as refused:
        chat(client, messages=[{"role": "user", "content": "x" * (33 * 1024 * 1024)}])
    assert refused.value.status_code == 413
    assert refused.value.code == "body_too_large"


def test_a_body_that_is_not_json_is_a_bad_request(client):
    with pytest.raises(openai.BadRequestError):
        client.post("/chat/completions", content=b'{"model": "demo/echo", ', cast_to=object)


def test_an_unknown_path_is_not_found_in_the_same_dialect(client):
    with pytest.raises(openai.NotFoundError) as refused:
        client.post("/chat/nothing", body={}, cast_to=object)
    assert refused.value.body["message"]


# ---- The provider.


def test_a_providers_own_failure_keeps_its_status_and_its_words(client):
    with pytest.raises(openai.InternalServerError) as failed:
        fail(client, "500")
    assert failed.value.status_code == 500
    assert failed.value.message


def test_a_providers_rate_limit_says_when_to_come_back(client):
    with pytest.raises(openai.RateLimitError) as failed:
        fail(client, "429")
    assert int(failed.value.response.headers["retry-after"]) >= 0


def test_a_provider_that_refuses_our_key_does_not_look_as_if_the_callers_key_were_wrong(client):
    with pytest.raises(openai.InternalServerError) as failed:
        fail(client, "401")
    assert failed.value.status_code == 502
    assert failed.value.code == "provider_auth_error"


def test_a_provider_that_answers_nonsense_is_a_bad_gateway(client):
    with pytest.raises(openai.InternalServerError) as failed:
        fail(client, "nonsense")
    assert failed.value.status_code == 502
    assert failed.value.code == "provider_bad_answer"


def test_a_client_that_gives_up_on_a_silent_provider_can_ask_again():
    key = management.make_key()
    with new_client(key, timeout=1.0) as hasty:
        with pytest.raises(openai.APITimeoutError):
            fail(hasty, "silent")
    with new_client(key) as client:
        assert chat(client).choices
