"""Chat answers in one piece."""

import json
import math

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
# One red pixel.
PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


def ask(client, content, model="demo/echo", **options):
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}], **options)


def test_an_answer_has_its_text_its_reason_and_its_usage(client):
    answer = ask(client, "Which ward stops this key?")
    assert "Which ward stops this key?" in answer.choices[0].message.content
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.object == "chat.completion" and answer.model == "demo/echo" and answer.id
    usage = answer.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_every_answer_names_its_request(client):
    raw = client.chat.completions.with_raw_response.create(
        model="demo/echo", messages=[{"role": "user", "content": "hello"}]
    )
    assert raw.headers["x-request-id"]
    assert raw.headers["x-litellm-call-id"] == raw.headers["x-request-id"]
    assert raw.headers["content-type"].startswith("application/json")


def test_n_answers_are_asked_for_and_n_answers_come(client):
    choices = ask(client, "twice", n=2).choices
    assert [choice.index for choice in choices] == [0, 1]
    assert all(choice.message.content for choice in choices)


def test_a_message_may_hold_images(client):
    content = [
        {"type": "text", "text": "What colour is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
    ]
    assert "What colour is this?" in ask(client, content).choices[0].message.content


def test_fields_that_nobody_knows_do_no_harm(client):
    answer = ask(client, "hello", extra_body={"frobnicate": {"deeply": [1, None, "x"]}}, seed=7, user="somebody")
    assert answer.choices[0].message.content


def test_text_of_every_script_survives(client):
    text = "Schlüssel 鍵 🔑 مفتاح \u2028 \\ \" </script>"
    assert text in ask(client, text).choices[0].message.content


def test_reasoning_comes_beside_the_answer(client):
    message = ask(client, "Think first.", model="demo/reasoning").choices[0].message
    assert message.reasoning_content and message.content


def test_a_tool_is_asked_for_and_its_result_is_answered(client):
    messages = [{"role": "user", "content": "What is the weather in Oslo?"}]
    first = client.chat.completions.create(model="demo/tools", messages=messages, tools=[WEATHER]).choices[0]
    assert first.finish_reason == "tool_calls"
    call = first.message.tool_calls[0]
    assert call.type == "function" and call.id and call.function.name
    assert isinstance(json.loads(call.function.arguments), dict)

    messages += [
        first.message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": '{"degrees": -3}'},
    ]
    second = client.chat.completions.create(model="demo/tools", messages=messages, tools=[WEATHER]).choices[0]
    assert second.finish_reason == "stop" and second.message.content


def test_a_completion_of_the_old_kind_is_answered(client):
    answer = client.completions.create(model="demo/echo", prompt="Once upon a time")
    assert answer.object == "text_completion"
    assert "Once upon a time" in answer.choices[0].text
    assert answer.usage.total_tokens > 0


def test_an_embedding_is_a_vector_of_length_one(client):
    answer = client.embeddings.create(model="demo/embedding", input="a key")
    vector = answer.data[0].embedding
    assert len(vector) == 256
    assert math.isclose(sum(value * value for value in vector), 1.0, rel_tol=1e-3)
    assert answer.usage.prompt_tokens > 0


def test_embeddings_keep_the_order_of_their_inputs_in_both_encodings(client):
    both = client.embeddings.create(model="demo/embedding", input=["a key", "a lock"])
    alone = client.embeddings.create(model="demo/embedding", input="a lock", encoding_format="float")
    assert [entry.index for entry in both.data] == [0, 1]
    assert both.data[0].embedding != both.data[1].embedding
    difference = max(abs(a - b) for a, b in zip(both.data[1].embedding, alone.data[0].embedding))
    assert difference < 1e-6
