//! The one path to a model, as programs see it.

use testkit::{FakeProvider, Stage, spec};

spec! {
    a_chat_goes_to_the_provider_and_back;
}

async fn a_chat_goes_to_the_provider_and_back(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;

    let answer = app.master().chat("Hi").await.expect(200);

    assert_eq!(answer.said(), "Hello.");
    assert_eq!(provider.calls(), 1);
    let usage = app.usage(1).await;
    assert_eq!((usage[0].status.as_str(), usage[0].prompt_tokens, usage[0].completion_tokens), ("ok", 10, 5));
}
