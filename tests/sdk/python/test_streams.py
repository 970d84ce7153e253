"""Answers that arrive piece by piece."""

import asyncio
import json
import os
import time

import openai
import pytest

import management
from test_chat import WEATHER


def chunks_of(client, content="Which ward stops this key?", model="demo/echo", **options):
    messages = [{"role": "user", "content": content}]
    return list(client.chat.completions.create(model=model, messages=messages, stream=True, **options))


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_the_pieces_make_the_answer_and_the_last_one_says_why_it_ended(client):
    chunks = chunks_of(client)
    assert "Which ward stops this key?" in text_of(chunks)
    assert len([chunk for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]) > 1
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert reasons[-1] == "stop" and not any(reasons[:-1])
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.object == "chat.completion.chunk" for chunk in chunks)


def test_usage_is_not_sent_to_a_client_that_did_not_ask_for_it(client):
    chunks = chunks_of(client)
    assert all(chunk.choices for chunk in chunks)
    assert all(chunk.usage is None for chunk in chunks)


def test_usage_comes_last_and_without_a_choice_when_asked_for(client):
    chunks = chunks_of(client, stream_options={"include_usage": True})
    last = chunks[-1]
    assert last.choices == []
    assert last.usage.prompt_tokens > 0 and last.usage.completion_tokens > 0
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_a_stream_is_charged_even_when_the_client_did_not_ask_for_usage():
    key = management.make_key(max_budget=1.0)
    with openai.OpenAI(base_url=f"{management.URL}/v1", api_key=key, max_retries=0) as client:
        chunks_of(client)
    assert management.wait_until(lambda: management.spend_of(key) > 0)


def test_the_arguments_of_a_tool_arrive_in_fragments(client):
    chunks = chunks_of(client, "What is the weather in Oslo?", "demo/tools", tools=[WEATHER])
    calls = [call for chunk in chunks if chunk.choices for call in chunk.choices[0].delta.tool_calls or []]
    assert calls[0].id and calls[0].function.name
    assert len(calls) > 1
    assert isinstance(json.loads("".join(call.function.arguments or "" for call in calls)), dict)
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_each_of_n_answers_has_its_own_pieces(client):
    chunks = chunks_of(client, n=2)
    for index in (0, 1):
        mine = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
        assert "".join(choice.delta.content or "" for choice in mine) == "Which ward stops this key?"
        assert mine[-1].finish_reason == "stop"


def test_the_helper_of_the_sdk_puts_a_stream_together(client):
    messages = [{"role": "user", "content": "Which ward stops this key?"}]
    with client.chat.completions.stream(model="demo/echo", messages=messages) as stream:
        kinds = {event.type for event in stream}
        answer = stream.get_final_completion()
    assert {"content.delta", "content.done"} <= kinds
    assert answer.choices[0].message.content == "Which ward stops this key?"


def test_the_first_piece_comes_long_before_the_last(client):
    began = time.monotonic()
    stream = client.chat.completions.create(
        model="demo/slow", messages=[{"role": "user", "content": "slowly"}], stream=True
    )
    with stream:
        next(piece for piece in stream if piece.choices and piece.choices[0].delta.content)
        assert time.monotonic() - began < 3.0


def test_a_client_that_closes_a_stream_is_charged_at_once_for_what_it_got():
    key = management.make_key(max_budget=1.0)
    with openai.OpenAI(base_url=f"{management.URL}/v1", api_key=key, max_retries=0) as client:
        stream = client.chat.completions.create(
            model="demo/slow", messages=[{"role": "user", "content": "slowly"}], stream=True
        )
        pieces = iter(stream)
        for _ in range(4):
            next(pieces)
        stream.close()
    # The whole answer takes about nine seconds; settled earlier means that the provider's call ended with the client.
    assert management.wait_until(lambda: management.spend_of(key) > 0, patience=4.0)
    spent = management.spend_of(key)
    time.sleep(1.0)
    assert management.spend_of(key) == spent


def test_a_provider_that_stops_half_way_is_an_error_and_not_a_short_answer(client):
    with pytest.raises(openai.APIError):
        chunks_of(client, "midway", "demo/failing")


def test_a_completion_of_the_old_kind_streams(client):
    pieces = list(client.completions.create(model="demo/echo", prompt="Once upon a time", stream=True))
    assert "Once upon a time" in "".join(piece.choices[0].text for piece in pieces if piece.choices)


def test_many_streams_at_once_do_not_mix():
    async def one(client, number):
        stream = await client.chat.completions.create(
            model="demo/echo", messages=[{"role": "user", "content": f"number {number} only"}], stream=True
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

    async def all_of_them():
        key = os.environ["WARDROOM_KEY"]
        async with openai.AsyncOpenAI(base_url=f"{management.URL}/v1", api_key=key, max_retries=0) as client:
            return await asyncio.gather(*[one(client, number) for number in range(20)])

    for number, text in enumerate(asyncio.run(all_of_them())):
        assert f"number {number} only" in text
