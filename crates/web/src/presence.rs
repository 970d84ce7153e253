//! Whether somebody who watches a stream may still watch it.
//!
//! A request asks once who is calling; a stream goes on for minutes, and a sign-out, a new password or a lost
//! role must end it like it ends everything else.

use std::time::Duration;

use http::HeaderMap;
use kernel::Role;

use crate::{app::App, caller::Credential};

/// How often it is asked. The answer comes from memory nearly always.
const INTERVAL: Duration = Duration::from_millis(250);

/// Ends when the session or API key that these headers present no longer opens the door, or when that cannot be found
/// out. What a key is limited to was asked when the stream began.
pub(crate) async fn over(app: App, headers: &HeaderMap) {
    let Some(token) = Credential::of(headers).map(|credential| credential.text().to_owned()) else { return };
    let identity = app.services().identity.clone();
    loop {
        tokio::time::sleep(INTERVAL).await;
        let role = if token.starts_with("sk-") {
            identity.role_of_key(&token).await
        } else {
            identity.person(&token).await.map(|person| person.role)
        };
        if !role.is_ok_and(|role| role != Role::Pending) {
            return;
        }
    }
}
