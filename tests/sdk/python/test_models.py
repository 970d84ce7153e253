"""What the SDK sees of the models."""

import openai
import pytest


def test_the_list_holds_the_models_that_the_key_may_use(client):
    models = client.models.list().data
    assert {"demo/echo", "demo/tools", "demo/embedding"} <= {model.id for model in models}
    assert all(model.object == "model" and model.created > 0 and model.owned_by for model in models)


def test_a_model_with_a_slash_in_its_name_is_found_by_its_name(client):
    assert client.models.retrieve("demo/echo").id == "demo/echo"


def test_a_model_of_somebody_elses_key_is_not_found(client_with):
    with pytest.raises(openai.NotFoundError):
        client_with(models=["demo/echo"]).models.retrieve("demo/tools")


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("nobody/knows-me")
    assert refused.value.code == "model_not_found"


def test_a_restricted_key_sees_only_its_own_models(client_with):
    restricted = client_with(models=["demo/echo"])
    assert [model.id for model in restricted.models.list()] == ["demo/echo"]


def test_a_wildcard_opens_a_family_of_models(client_with):
    family = client_with(models=["demo/e*"])
    assert {model.id for model in family.models.list()} == {"demo/echo", "demo/embedding"}
