"""The Responses API."""


def test_a_response_has_its_text_and_its_usage(client):
    response = client.responses.create(model="demo/echo", input="Which ward stops this key?")
    assert response.object == "response" and response.status == "completed"
    assert "Which ward stops this key?" in response.output_text
    assert response.usage.input_tokens > 0 and response.usage.output_tokens > 0


def test_a_list_of_messages_is_an_input_too(client):
    turns = [{"role": "user", "content": [{"type": "input_text", "text": "Which lock?"}]}]
    assert "Which lock?" in client.responses.create(model="demo/echo", input=turns).output_text


def test_the_events_of_a_response_come_in_order(client):
    events = list(client.responses.create(model="demo/echo", input="Which ward stops this key?", stream=True))
    kinds = [event.type for event in events]
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
    assert kinds.index("response.output_item.added") < kinds.index("response.output_text.delta")
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == events[-1].response.output_text and "Which ward stops this key?" in text
    assert events[-1].response.usage.output_tokens > 0
