//! Stop 7 for answers that are not streamed: read, checked, counted and passed on as they came.

use bytes::Bytes;
use egress::EgressError;
use http::{HeaderValue, Response, header};
use kernel::{Endpoint, Kind, Outcome, Refusal};
use llm::Answer;

use crate::{Answering, call, presence, route::Plan, stream::AnswerBody};

/// Reads the answer whole. What is no JSON object, or holds an error under a 200, is the provider's
/// failure: 502.
pub(crate) async fn answer(answering: Answering<'_>) -> Result<Response<AnswerBody>, Refusal> {
    let Answering { inner, response, endpoint, plan, mut receipt, mut leaving } = answering;
    let collected = tokio::select! {
        biased;
        collected = egress::collect(response.into_body(), inner.config.max_answer, inner.config.idle_timeout) => collected,
        refusal = presence::of(&mut leaving) => return Err(receipt.cut(refusal)),
    };
    let bytes = match collected {
        Ok(bytes) => bytes,
        Err(error) => return Err(receipt.fail(cut_short(&plan, &error))),
    };
    match check(&bytes, endpoint, &plan) {
        Ok(answer) => {
            receipt.count(answer.tokens, answer.estimated_completion);
            receipt.close(Outcome::Ok, 200, None);
            Ok(json(plan.provider.redacted(bytes)))
        }
        Err(refusal) => Err(receipt.refuse(refusal)),
    }
}

fn json(bytes: Bytes) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::whole(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) fn check(bytes: &Bytes, endpoint: Endpoint, plan: &Plan) -> Result<Answer, Refusal> {
    let name = &plan.provider.name;
    let answer = Answer::read(endpoint, bytes).map_err(|_| {
        let words = format!("The provider '{name}' answered with something that is not JSON.");
        Refusal::new(Kind::BadGateway, "provider_bad_answer", words)
    })?;
    match &answer.error {
        None => Ok(answer),
        Some(error) => {
            let secrets: Vec<&str> = call::secret(&plan.provider).into_iter().collect();
            let words = format!("The provider '{name}' failed: {}", llm::scrub(&error.message, &secrets));
            Err(Refusal::new(Kind::BadGateway, "provider_error", words))
        }
    }
}

/// The refusal for an answer that did not come to its end.
pub(crate) fn cut_short(plan: &Plan, error: &EgressError) -> Refusal {
    let name = &plan.provider.name;
    match error {
        EgressError::TooLarge { .. } => Refusal::new(
            Kind::BadGateway,
            "provider_bad_answer",
            format!("The answer of the provider '{name}' is too large."),
        ),
        EgressError::Stalled => Refusal::new(
            Kind::Timeout,
            "provider_timeout",
            format!("The provider '{name}' fell silent in the middle of its answer."),
        ),
        _ => Refusal::new(
            Kind::BadGateway,
            "provider_bad_answer",
            format!("The provider '{name}' ended its answer before it was complete."),
        ),
    }
}
