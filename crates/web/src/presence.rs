//! Whether somebody who watches a stream may still watch it.
//!
//! A request asks once who is calling; a stream goes on for minutes, and a sign-out, a new password or a lost
//! role must end it like it ends everything else.

use std::time::Duration;

use http::HeaderMap;
use kernel::{Role, Who};

use crate::{
    app::App,
    caller::{self, Credential},
};

/// How often it is asked. The answer comes from memory nearly always.
const INTERVAL: Duration = Duration::from_millis(250);

/// Ends when the session or key that these headers present no longer opens the door, or when that cannot be found out.
pub(crate) async fn over(app: App, headers: &HeaderMap) {
    let Some(token) = Credential::of(headers).map(|credential| credential.text().to_owned()) else { return };
    loop {
        tokio::time::sleep(INTERVAL).await;
        match caller::holder(&app, &token).await {
            Ok(Who::Person(person)) if person.role != Role::Pending => {}
            _ => return,
        }
    }
}
