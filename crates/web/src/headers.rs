//! Headers that every answer carries, errors included.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use settings::{FrameOptions, Settings};

/// What the pages may load and do: only what the binary itself serves, no inline code, no foreign host.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
     font-src 'self'; connect-src 'self'; media-src 'self' blob:; worker-src 'self'; frame-src 'self'; manifest-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; \
     trusted-types svelte-trusted-html";

/// A year over HTTPS. What is below our name is not ours to decide, so subdomains are the operator's word.
const TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What the settings say about the headers, made once.
#[derive(Debug)]
pub(crate) struct Headers {
    always: Vec<(HeaderName, HeaderValue)>,
    cache_control: HeaderValue,
    /// The operator's own, which then stands on every answer.
    transport_security: Option<HeaderValue>,
}

impl Headers {
    pub(crate) fn of(settings: &Settings) -> Self {
        let named = HeaderName::from_static;
        let policy = match (&settings.content_security_policy.value, settings.xframe_options.value) {
            (Some(own), _) => own.as_str().to_owned(),
            (None, FrameOptions::Deny) => CONTENT_SECURITY_POLICY.to_owned(),
            // Browsers obey the policy and not the older header, so the two must not differ.
            (None, FrameOptions::SameOrigin) => {
                CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
            }
        };
        let frames = settings.xframe_options.value.as_str().to_ascii_uppercase();
        let report_only = settings.content_security_policy_report_only.value.as_ref();
        let values: [(HeaderName, Option<&str>); 12] = [
            (header::CONTENT_SECURITY_POLICY, Some(&policy)),
            (
                header::CONTENT_SECURITY_POLICY_REPORT_ONLY,
                report_only.map(settings::ContentSecurityPolicy::as_str),
            ),
            (header::X_CONTENT_TYPE_OPTIONS, Some(settings.xcontent_type.value.as_str())),
            (header::X_FRAME_OPTIONS, Some(&frames)),
            (header::REFERRER_POLICY, Some(settings.referrer_policy.value.as_str())),
            (named("permissions-policy"), Some(settings.permissions_policy.value.as_str())),
            (
                named("x-download-options"),
                settings.xdownload_options.value.map(settings::DownloadOptions::as_str),
            ),
            (
                named("x-permitted-cross-domain-policies"),
                Some(settings.xpermitted_cross_domain_policies.value.as_str()),
            ),
            (
                named("cross-origin-embedder-policy"),
                settings.cross_origin_embedder_policy.value.map(settings::EmbedderPolicy::as_str),
            ),
            (named("cross-origin-opener-policy"), Some(settings.cross_origin_opener_policy.value.as_str())),
            (
                named("cross-origin-resource-policy"),
                Some(settings.cross_origin_resource_policy.value.as_str()),
            ),
            (
                named("reporting-endpoints"),
                settings.reporting_endpoints.value.as_ref().map(settings::ReportingEndpoints::as_str),
            ),
        ];
        let always = values.into_iter().filter_map(|(name, text)| Some((name, value(text?)))).collect();
        Self {
            always,
            cache_control: value(settings.cache_control.value.as_str()),
            transport_security: settings.hsts.value.as_ref().map(|own| value(own.as_str())),
        }
    }

    /// Adds them, and how an answer may be stored where it does not say so itself.
    pub(crate) fn secure(&self, headers: &mut HeaderMap, is_https: IsHttps) {
        for (name, value) in &self.always {
            headers.insert(name, value.clone());
        }
        match (&self.transport_security, is_https) {
            (Some(own), _) => drop(headers.insert(header::STRICT_TRANSPORT_SECURITY, own.clone())),
            (None, IsHttps::Yes) => {
                drop(headers.insert(header::STRICT_TRANSPORT_SECURITY, TRANSPORT_SECURITY));
            }
            (None, IsHttps::No) => {}
        }
        headers.entry(header::CACHE_CONTROL).or_insert_with(|| self.cache_control.clone());
    }
}

/// Whether the person's connection is known to be HTTPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IsHttps {
    Yes,
    No,
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("settings take visible ASCII in one line only")
}
