//! Replacing the root secrets: what was sealed opens, what was issued works, and who stays signed in is the
//! operator's to say.

use serde_json::json;
use testkit::{Admin, FakeProvider, Program, Stage, TestApp, spec};

spec! {
    a_replaced_secret_signs_everybody_out_and_ends_no_key;
    sign_ins_under_the_former_secret_last_until_the_date_that_the_operator_names;
    once_replaced_the_former_secret_is_not_needed_and_opens_nothing;
    a_sealing_key_is_replaced_and_the_former_one_forgotten;
    a_former_secret_that_is_not_the_former_one_replaces_nothing;
}

const FIRST: &str = "hT9xLq3Wm7Zc2Vb8Nd5Kf1Rs6Pj4Gy0A";
const SECOND: &str = "Qe4Ur8Ti2Yo6Pa1Sd9Fg3Hj7Kl5Zx0Cv";
const THIRD: &str = "Xw7Bn3Lk9Jh5Gf1Ds8Az4Qp6Mv2Rt0Yu";

/// A server with a stored provider key, an administrator and a virtual key.
struct House {
    app: TestApp,
    provider: FakeProvider,
    ada: Admin,
    program: Program,
}

impl House {
    async fn build(stage: Stage) -> Self {
        let provider = FakeProvider::start().await;
        let allowed = provider.base_url();
        let app =
            stage.env("WEBUI_SECRET_KEY", FIRST).env("OPENAI_ALLOWED_API_BASE_URLS", &allowed).start().await;
        let ada = app.admin().await;
        let connection = json!({ "base_url": allowed, "api_key": provider.key() });
        ada.post("/api/v1/connections", connection).await.expect(201);
        let program = app.key().create().await;
        Self { app, provider, ada, program }
    }

    async fn start_with(&mut self, environment: &[(&str, &str)]) {
        self.app.stop().await;
        for (name, value) in environment {
            self.app.set_env(name, value);
        }
        self.app.start_again().await;
    }

    /// The key of a program still opens the door, and the sealed key of the provider still opens its own.
    async fn keys_work(&self) {
        let models = self.program.get("/v1/models").await.expect(200);
        assert!(models.text().contains(testkit::MODEL), "{}", models.text());
        self.program.chat("Hi").await.expect(200);
        let sent = format!("Bearer {}", self.provider.key());
        assert_eq!(self.provider.last().header("authorization"), Some(sent.as_str()));
    }
}

async fn a_replaced_secret_signs_everybody_out_and_ends_no_key(stage: Stage) {
    let mut house = House::build(stage).await;
    house.start_with(&[("WEBUI_SECRET_KEY", SECOND), ("WEBUI_SECRET_KEY_PREVIOUS", FIRST)]).await;

    house.ada.get("/api/v1/auths/").await.expect(401);
    house.keys_work().await;
    let again = json!({ "email": house.ada.email, "password": house.ada.password });
    house.app.anonymous().post("/api/v1/auths/signin", again).await.expect(200);
}

async fn sign_ins_under_the_former_secret_last_until_the_date_that_the_operator_names(stage: Stage) {
    let mut house = House::build(stage).await;
    let both = [("WEBUI_SECRET_KEY", SECOND), ("WEBUI_SECRET_KEY_PREVIOUS", FIRST)];
    house.start_with(&both).await;
    house.start_with(&[("WEBUI_SECRET_KEY_PREVIOUS_UNTIL", "2100-01-01")]).await;
    house.ada.get("/api/v1/auths/").await.expect(200);

    house.start_with(&[("WEBUI_SECRET_KEY_PREVIOUS_UNTIL", "2026-01-01T00:00:00Z")]).await;
    house.ada.get("/api/v1/auths/").await.expect(401);
}

async fn once_replaced_the_former_secret_is_not_needed_and_opens_nothing(stage: Stage) {
    let mut house = House::build(stage).await;
    house.start_with(&[("WEBUI_SECRET_KEY", SECOND), ("WEBUI_SECRET_KEY_PREVIOUS", FIRST)]).await;
    house.start_with(&[("WEBUI_SECRET_KEY_PREVIOUS", "")]).await;
    house.keys_work().await;

    house.app.stop().await;
    house.app.set_env("WEBUI_SECRET_KEY", FIRST);
    house.app.start_sealed().await;
    house.app.anonymous().get("/ready").await.expect(503);
}

async fn a_sealing_key_is_replaced_and_the_former_one_forgotten(stage: Stage) {
    let mut house = House::build(stage.env("CONFIG_ENCRYPTION_KEY", SECOND)).await;
    house.start_with(&[("CONFIG_ENCRYPTION_KEY", THIRD), ("CONFIG_ENCRYPTION_KEY_PREVIOUS", SECOND)]).await;
    // Nobody is signed out by it.
    house.ada.get("/api/v1/auths/").await.expect(200);
    house.start_with(&[("CONFIG_ENCRYPTION_KEY_PREVIOUS", "")]).await;
    house.keys_work().await;
}

async fn a_former_secret_that_is_not_the_former_one_replaces_nothing(stage: Stage) {
    let mut house = House::build(stage).await;
    house.app.stop().await;
    house.app.set_env("WEBUI_SECRET_KEY", SECOND);
    house.app.set_env("WEBUI_SECRET_KEY_PREVIOUS", THIRD);
    house.app.start_sealed().await;
    house.app.anonymous().get("/ready").await.expect(503);

    house.app.stop().await;
    house.app.set_env("WEBUI_SECRET_KEY_PREVIOUS", "");
    house.app.set_env("WEBUI_SECRET_KEY", FIRST);
    house.app.start_again().await;
    house.keys_work().await;
}
