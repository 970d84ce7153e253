//! Stop 1: what is asked, read from the original bytes without building a tree of them.

use std::borrow::Cow;

use bytes::Bytes;
use kernel::{Endpoint, Kind, ModelId, Refusal};
use llm::{Envelope, EnvelopeError};

/// A request as the later stops need it. It borrows the body.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// The body, as it came unless the model stood in the path.
    pub(crate) body: &'a Bytes,
    /// What was read, and where in the body it stands.
    pub(crate) envelope: Envelope<'a>,
    /// The model by its public name.
    pub(crate) model: ModelId,
}

/// Reads a request. 400 with the field at fault when it is not one.
pub(crate) fn parse(endpoint: Endpoint, body: &Bytes) -> Result<Ask<'_>, Refusal> {
    let envelope = Envelope::parse(endpoint, body).map_err(|error| refusal(&error))?;
    let model = ModelId::parse(&envelope.model).ok_or_else(|| {
        Refusal::field(
            "model",
            "invalid_type",
            "The model name must have 1 to 256 bytes and no control characters.",
        )
    })?;
    Ok(Ask { body, envelope, model })
}

/// Azure's way: the model stands in the path, and the body may or may not name one. The path goes first.
pub(crate) fn name_model(body: &Bytes, model: &str) -> Result<Bytes, Refusal> {
    Envelope::with_model(body, model).map(Bytes::from).map_err(|error| refusal(&error))
}

fn refusal(error: &EnvelopeError) -> Refusal {
    let refusal = Refusal::new(Kind::Invalid, error.code(), error.to_string());
    Refusal { field: error.param().map(Cow::Borrowed), ..refusal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_in_the_path_goes_before_the_bodys_and_replaces_a_missing_one() {
        let named = |body: &'static str| name_model(&Bytes::from_static(body.as_bytes()), "m\"1").unwrap();
        assert_eq!(named(r#"{"model":"other","input":"x"}"#), r#"{"model":"m\"1","input":"x"}"#);
        // LangChain's client for Azure.
        assert_eq!(named(r#"{"input":"x","model": null }"#), r#"{"input":"x","model": "m\"1" }"#);
        assert_eq!(named(r#" {"input":"x"}"#), r#" {"model":"m\"1","input":"x"}"#);
        assert_eq!(named("{ }"), r#"{"model":"m\"1" }"#);
    }

    #[test]
    fn a_model_in_the_path_hides_no_second_one() {
        for body in [r#"{"model":"a","model":"b"}"#, r#"{"Model":"b"}"#, r#"{"model":"a""#, "[]"] {
            assert!(name_model(&Bytes::from_static(body.as_bytes()), "m").is_err(), "{body}");
        }
    }
}
