//! The list: every setting, once. Order is the order of the manual.

use std::{net::IpAddr, path::PathBuf, sync::LazyLock, time::Duration};

use kernel::{BaseUrl, Email, Role, Secret, Timestamp};

use crate::{
    AuditLevel, BudgetStatus, CacheControl, ContentSecurityPolicy, ContentTypeOptions, CrossDomainPolicies,
    DatabaseKind, DatabaseUrl, DefaultPermissions, DownloadOptions, EmbedderPolicy, Endpoints, Entry,
    Environment, FrameOptions, HeaderName, Hosts, Keys, LogFormat, LogLevel, ModelAccess, Networks,
    OpenerPolicy, Origins, PasswordHash, PasswordPattern, PathList, PermissionsPolicy, Prices,
    ReferrerPolicy, ReportingEndpoints, ResourcePolicy, SameSite, SchemaName, Schemes, Size, Source, Span,
    TransportSecurity, Urls, Value, permissions,
    read::{Reader, default},
    report::Shown,
    setting::Setting,
};

/// Turns the list into the struct, the catalogue and the functions that walk over both.
macro_rules! settings {
    ($( $group:literal { $( $(#[doc = $doc:literal])+ $field:ident: $type:ty = $entry:expr; )+ } )+) => {
        /// The values in force. Each knows where it came from: `settings.port.value`, `settings.port.source`.
        #[derive(Debug, Clone)]
        pub struct Settings {
            $($( $(#[doc = $doc])+ pub $field: Value<$type>, )+)+

            /// `USER_PERMISSIONS_...`: what everybody may do.
            pub permissions: DefaultPermissions,
        }

        #[expect(non_upper_case_globals, reason = "each entry is called like the field that it describes")]
        mod entries {
            use super::*;
            $($( pub(super) static $field: Entry = Entry {
                group: $group,
                doc: concat!($($doc, "\n"),+),
                grammar: <$type as Setting>::GRAMMAR,
                check: |text, entry| <$type as Setting>::read(text, entry).map(drop),
                ..$entry
            }; )+)+
        }

        static CATALOGUE: LazyLock<Vec<&Entry>> = LazyLock::new(|| {
            let listed: &[&Entry] = &[$($( &entries::$field, )+)+];
            listed.iter().copied().chain(&permissions::ENTRIES).collect()
        });

        impl Settings {
            /// Reads every setting before giving up on any, so that all problems are found in one go.
            pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
                $($( let $field = reader.value::<$type>(&entries::$field); )+)+
                let permissions = DefaultPermissions::read(reader);
                Some(Self { $($( $field: $field?, )+)+ permissions: permissions? })
            }

            /// Shows every setting to `visit`, in the order of the list: entry, source, value and default.
            pub(crate) fn visit(&self, visit: &mut dyn FnMut(&'static Entry, Source, Shown<'_>, Shown<'_>)) {
                $($( visit(
                    &entries::$field,
                    self.$field.source,
                    self.$field.value.show(),
                    default::<$type>(&entries::$field).show(),
                ); )+)+
                self.permissions.visit(visit);
            }
        }
    };
}

/// Every setting there is, in the order of the manual.
pub fn catalogue() -> &'static [&'static Entry] {
    &CATALOGUE
}

settings! {
    "Server" {
        /// The address to listen on. The default is reachable from this machine only; `0.0.0.0` is reachable
        /// from everywhere, so put TLS in front of it.
        host: IpAddr = Entry::new("HOST").default("127.0.0.1").restart();

        /// The port to listen on.
        port: u16 = Entry::new("PORT").default("8080").range(1, 65_535).restart();

        /// The directory of everything that is kept on disk: the database, generated secrets. It is created
        /// with mode 0700.
        data_dir: PathBuf = Entry::new("DATA_DIR").default("./data").restart();

        /// `dev` serves the API documentation at `/docs`.
        env: Environment = Entry::new("ENV").default("prod").restart();

        /// The name of this installation, as people see it.
        webui_name: String = Entry::new("WEBUI_NAME").default("Wardroom").range(1, 100).stored();

        /// The address under which people reach this installation, e.g. `https://chat.example.com`.
        webui_url: Option<BaseUrl> = Entry::new("WEBUI_URL").stored();

        /// Further names that requests may ask for, beside the host of `WEBUI_URL`, `localhost` and literal
        /// IP addresses. Requests for any other name are answered with 421. `*` allows every name, and with it
        /// pages that reach a server in their visitor's network by DNS rebinding.
        allowed_hosts: Hosts = Entry::new("WARDROOM_ALLOWED_HOSTS").default_note("none").restart();

        /// Which peers may say on whose behalf they speak (`X-Forwarded-For`, `X-Forwarded-Proto`): addresses
        /// and networks separated by commas. `*` believes everybody; use it only where nobody but your proxy
        /// can connect.
        forwarded_allow_ips: Networks =
            Entry::new("FORWARDED_ALLOW_IPS").default("127.0.0.0/8,::1").restart();

        /// The largest request body, e.g. `32MiB`. Larger ones are answered with 413.
        max_body_size: Size = Entry::new("WARDROOM_MAX_BODY_SIZE")
            .default("32MiB").range(1024, 4 * 1024 * 1024 * 1024).restart();

        /// Longest silence between two pieces of a request body. Slower ones are answered with 408.
        body_timeout: Duration =
            Entry::new("WARDROOM_BODY_TIMEOUT").default("30s").range(1, 3600).restart();

        /// How many requests may be in progress at once, streams included. Further ones are answered with 503.
        max_concurrent_requests: u32 = Entry::new("WARDROOM_MAX_CONCURRENT_REQUESTS")
            .default("4096").range(1, 1_000_000).restart();

        /// How many threads serve requests.
        worker_threads: Option<u16> = Entry::new("WARDROOM_WORKER_THREADS")
            .default_note("the number of cores").range(1, 1024).restart();

        /// How long a stopping server waits for answers that are being written.
        shutdown_timeout: Duration =
            Entry::new("WARDROOM_SHUTDOWN_TIMEOUT").default("20s").range(0, 3600).restart();
    }

    "Secrets" {
        /// Signs session tokens. When it is not set, one is generated into the data directory. To replace it,
        /// name the former one in `WEBUI_SECRET_KEY_PREVIOUS` at the next start.
        webui_secret_key: Option<Secret<String>> = Entry::new("WEBUI_SECRET_KEY")
            .aliases(&["WEBUI_JWT_SECRET_KEY"]).default_note("generated").restart();

        /// The former `WEBUI_SECRET_KEY`, for the start that replaces it: what it sealed is sealed anew. Virtual
        /// keys and API keys go on working. Once the server was ready it is no longer needed, except for
        /// `WEBUI_SECRET_KEY_PREVIOUS_UNTIL`.
        webui_secret_key_previous: Option<Secret<String>> =
            Entry::new("WEBUI_SECRET_KEY_PREVIOUS").restart();

        /// Until when sign-ins made under the former `WEBUI_SECRET_KEY` are accepted. Without it replacing the
        /// key signs everybody out at once.
        webui_secret_key_previous_until: Option<Timestamp> =
            Entry::new("WEBUI_SECRET_KEY_PREVIOUS_UNTIL").default_note("not at all").restart();

        /// Seals provider keys in the database. When it is not set, a key derived from `WEBUI_SECRET_KEY` does.
        /// Without it the sealed values cannot be read again, so keep a copy.
        config_encryption_key: Option<Secret<String>> = Entry::new("CONFIG_ENCRYPTION_KEY")
            .default_note("derived from `WEBUI_SECRET_KEY`").restart();

        /// The former `CONFIG_ENCRYPTION_KEY`, for the start that replaces it: what it sealed is sealed anew.
        config_encryption_key_previous: Option<Secret<String>> =
            Entry::new("CONFIG_ENCRYPTION_KEY_PREVIOUS").restart();

        /// The administrator's key of the LiteLLM management API (`/key/...`). It must begin with `sk-`.
        litellm_master_key: Option<Secret<String>> = Entry::new("LITELLM_MASTER_KEY").restart();
    }

    "Database" {
        /// `sqlite:///relative/path.db`, `sqlite:////absolute/path.db` or
        /// `postgresql://user:password@host:5432/name`.
        database_url: Option<DatabaseUrl> = Entry::new("DATABASE_URL")
            .default_note("`wardroom.db` in `DATA_DIR`").restart();

        /// `sqlite` or `postgresql`: instead of `DATABASE_URL`, together with the five settings below.
        database_type: Option<DatabaseKind> = Entry::new("DATABASE_TYPE").restart();

        /// The account at the PostgreSQL server.
        database_user: Option<String> = Entry::new("DATABASE_USER").range(1, 128).restart();

        /// Its password.
        database_password: Option<Secret<String>> = Entry::new("DATABASE_PASSWORD").restart();

        /// The PostgreSQL server's name or address.
        database_host: Option<String> = Entry::new("DATABASE_HOST").range(1, 255).restart();

        /// Its port.
        database_port: Option<u16> = Entry::new("DATABASE_PORT").range(1, 65_535).restart();

        /// The name of the database.
        database_name: Option<String> = Entry::new("DATABASE_NAME").range(1, 128).restart();

        /// The PostgreSQL schema to keep the tables in.
        database_schema: Option<SchemaName> =
            Entry::new("DATABASE_SCHEMA").default_note("the account's own").restart();

        /// How many connections to PostgreSQL are kept.
        database_pool_size: u32 = Entry::new("DATABASE_POOL_SIZE").default("10").range(1, 1000).restart();

        /// How many more may be opened under load.
        database_pool_max_overflow: u32 =
            Entry::new("DATABASE_POOL_MAX_OVERFLOW").default("0").range(0, 1000).restart();

        /// How long a request waits for a free connection, in seconds.
        database_pool_timeout: Duration =
            Entry::new("DATABASE_POOL_TIMEOUT").default("30").range(1, 600).restart();

        /// After how long a connection is replaced by a new one, in seconds; `-1` keeps it.
        database_pool_recycle: Span = Entry::new("DATABASE_POOL_RECYCLE").default("3600").restart();
    }

    "Providers" {
        /// Whether OpenAI-compatible providers are used at all.
        enable_openai_api: bool = Entry::new("ENABLE_OPENAI_API").default("true").stored();

        /// Base URLs of OpenAI-compatible providers, separated by `;`. What is named here may be on this
        /// machine or in a private network.
        openai_api_base_urls: Urls = Entry::new("OPENAI_API_BASE_URLS")
            .aliases(&["OPENAI_API_BASE_URL"])
            .default_note("OpenAI's when there is a key, else none").restart();

        /// Their keys, separated by `;`, in the same order. Leave a place empty for a provider without a key.
        openai_api_keys: Keys =
            Entry::new("OPENAI_API_KEYS").aliases(&["OPENAI_API_KEY"]).default_note("none").restart();

        /// Adds OpenRouter with this key.
        openrouter_api_key: Option<Secret<String>> = Entry::new("OPENROUTER_API_KEY").restart();

        /// Base URLs that administrators may connect to, separated by `;`; what is below one of them counts
        /// too. The providers named by the environment are always allowed.
        openai_allowed_api_base_urls: Urls = Entry::new("OPENAI_ALLOWED_API_BASE_URLS")
            .default("https://api.openai.com/v1;https://openrouter.ai/api/v1").restart();

        /// Longest wait for the beginning of a provider's answer, in seconds; `0` waits for ever. An answer
        /// that is not streamed begins when it is complete.
        aiohttp_client_timeout: Span = Entry::new("AIOHTTP_CLIENT_TIMEOUT").default("600").restart();

        /// Longest wait for a connection to a provider, TLS included.
        provider_connect_timeout: Duration =
            Entry::new("WARDROOM_PROVIDER_CONNECT_TIMEOUT").default("10s").range(1, 300).restart();

        /// Longest silence between two pieces of a provider's answer.
        provider_idle_timeout: Duration =
            Entry::new("WARDROOM_PROVIDER_IDLE_TIMEOUT").default("120s").range(1, 3600).restart();

        /// How often the providers are asked for their models.
        model_refresh_interval: Duration =
            Entry::new("WARDROOM_MODEL_REFRESH_INTERVAL").default("10m").range(10, 7 * 24 * 3600).restart();

        /// Prices that replace the built-in table: a JSON object or the path of a file with one. US dollars
        /// per million tokens: `{"model":{"prompt":0.15,"completion":0.6,"cached_prompt":0.075}}`.
        model_prices: Prices = Entry::new("MODEL_PRICES").default("{}").or_path().restart();

        /// The status code for a key whose budget is spent. LiteLLM's clients know 429.
        budget_exceeded_status: BudgetStatus = Entry::new("BUDGET_EXCEEDED_STATUS").default("429").restart();
    }

    "Accounts" {
        /// Whether people may sign up. The first one always may, and becomes the administrator.
        enable_signup: bool = Entry::new("ENABLE_SIGNUP").default("true").stored();

        /// Whether the first person may sign up while `ENABLE_LOGIN_FORM` is off.
        enable_initial_admin_signup: bool =
            Entry::new("ENABLE_INITIAL_ADMIN_SIGNUP").default("false").restart();

        /// Whether people sign in and sign up with a form. When it is off, neither is possible by password.
        enable_login_form: bool = Entry::new("ENABLE_LOGIN_FORM").default("true").stored();

        /// Whether passwords count at all. When it is off, nobody signs in, signs up or changes a password.
        enable_password_auth: bool = Entry::new("ENABLE_PASSWORD_AUTH").default("true").restart();

        /// Whether people change their own password.
        enable_password_change_form: bool =
            Entry::new("ENABLE_PASSWORD_CHANGE_FORM").default("true").stored();

        /// How digests of new passwords are made. `bcrypt` takes at most 72 bytes; longer passwords are refused.
        /// Digests of either kind are checked, and those of bcrypt are replaced when their owner signs in, unless
        /// it is chosen here.
        password_hash_algorithm: PasswordHash =
            Entry::new("PASSWORD_HASH_ALGORITHM").default("argon2").restart();

        /// Whether new passwords must match `PASSWORD_VALIDATION_REGEX_PATTERN`. Passwords that are guessed
        /// first are refused in any case.
        enable_password_validation: bool =
            Entry::new("ENABLE_PASSWORD_VALIDATION").default("false").restart();

        /// What new passwords must match from their first character on. Look-ahead works.
        password_validation_regex_pattern: PasswordPattern = Entry::new("PASSWORD_VALIDATION_REGEX_PATTERN")
            .default(r"^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[^\w\s]).{8,}$").range(1, 1000).restart();

        /// What somebody reads whose new password does not match, e.g. "Use twelve characters and a digit."
        password_validation_hint: Option<String> =
            Entry::new("PASSWORD_VALIDATION_HINT").range(1, 500).restart();

        /// The role of a new account. `pending` waits for an administrator.
        default_user_role: Role = Entry::new("DEFAULT_USER_ROLE").default("pending").stored();

        /// The group that everybody who gets an account becomes a member of.
        default_group_id: Option<String> = Entry::new("DEFAULT_GROUP_ID").range(1, 100).stored();

        /// The title of what people see who wait for an administrator.
        pending_user_overlay_title: Option<String> =
            Entry::new("PENDING_USER_OVERLAY_TITLE").range(1, 200).stored();

        /// The text below it.
        pending_user_overlay_content: Option<String> =
            Entry::new("PENDING_USER_OVERLAY_CONTENT").range(1, 2000).stored();

        /// Makes an administrator at the first start, together with `WEBUI_ADMIN_PASSWORD`.
        webui_admin_email: Option<Email> = Entry::new("WEBUI_ADMIN_EMAIL").restart();

        /// The password of that administrator.
        webui_admin_password: Option<Secret<String>> = Entry::new("WEBUI_ADMIN_PASSWORD").restart();

        /// The name of that administrator.
        webui_admin_name: String = Entry::new("WEBUI_ADMIN_NAME").default("Admin").range(1, 100).restart();

        /// Whether people who wait see whom to ask.
        show_admin_details: bool = Entry::new("SHOW_ADMIN_DETAILS").default("true").stored();

        /// The address that they see instead of the first administrator's.
        admin_email: Option<Email> = Entry::new("ADMIN_EMAIL").stored();

        /// How long a sign-in lasts, at least a second, rounded up to whole ones; a number needs its unit. `-1` has no
        /// end.
        jwt_expires_in: Span =
            Entry::new("JWT_EXPIRES_IN").default("4w").range(1, u64::MAX).with_unit().stored();

        /// Whether everybody who signs in with a password needs a second factor; whoever has none sets one up at the
        /// next sign-in. People may always add one themselves.
        enable_mfa: bool = Entry::new("ENABLE_MFA").default("false").stored();

        /// Whether browsers send the session cookie over HTTPS only. For people who use HTTPS it is so whatever this says.
        webui_auth_cookie_secure: Option<bool> = Entry::new("WEBUI_AUTH_COOKIE_SECURE")
            .aliases(&["WEBUI_SESSION_COOKIE_SECURE"]).default_note("yes whenever the person uses HTTPS").restart();

        /// Whether browsers send the session cookie with requests that other sites start.
        webui_auth_cookie_same_site: SameSite = Entry::new("WEBUI_AUTH_COOKIE_SAME_SITE")
            .aliases(&["WEBUI_SESSION_COOKIE_SAME_SITE"]).default("lax").restart();
    }

    "Access" {
        /// Who may use a model for which no grant was made: `everyone` who is signed in, or nobody but
        /// administrators (`private`).
        default_model_access: ModelAccess = Entry::new("DEFAULT_MODEL_ACCESS").default("everyone").stored();

        /// Lets everybody use every model, whatever was granted.
        bypass_model_access_control: bool =
            Entry::new("BYPASS_MODEL_ACCESS_CONTROL").default("false").restart();

        /// Whether administrators use every model without a grant.
        bypass_admin_access_control: bool = Entry::new("BYPASS_ADMIN_ACCESS_CONTROL")
            .aliases(&["ENABLE_ADMIN_WORKSPACE_CONTENT_ACCESS"]).default("true").restart();

        /// Whether administrators may read other people's chats. Each reading is recorded, and the person
        /// sees who it was and when.
        enable_admin_chat_access: bool = Entry::new("ENABLE_ADMIN_CHAT_ACCESS").default("true").restart();

        /// Whether administrators may export the chats of everybody. Needs `ENABLE_ADMIN_CHAT_ACCESS` as well.
        enable_admin_export: bool = Entry::new("ENABLE_ADMIN_EXPORT").default("true").restart();

        /// Whether chats can be shared by link. When it is off, links that were made before do not work either.
        enable_community_sharing: bool = Entry::new("ENABLE_COMMUNITY_SHARING").default("true").stored();

        /// Whether requests below `/openai/` that Wardroom has no route for are passed on to the provider with
        /// its key. Everybody who may use every model reaches everything the provider has then, and nothing of it is
        /// priced or counted; leave it off.
        enable_openai_api_passthrough: bool =
            Entry::new("ENABLE_OPENAI_API_PASSTHROUGH").default("false").restart();

        /// Whether people may keep connections of their own in their settings.
        enable_direct_connections: bool = Entry::new("ENABLE_DIRECT_CONNECTIONS").default("false").stored();
    }

    "API keys" {
        /// Whether people may make API keys for programs of theirs, and whether those keys work. Who is no
        /// administrator needs the permission `features.api_keys` too.
        enable_api_keys: bool = Entry::new("ENABLE_API_KEYS")
            .aliases(&["ENABLE_API_KEY", "ENABLE_API_KEY_AUTH"]).default("false").stored();

        /// Whether API keys reach only what `API_KEYS_ALLOWED_ENDPOINTS` lists.
        enable_api_keys_endpoint_restrictions: bool = Entry::new("ENABLE_API_KEYS_ENDPOINT_RESTRICTIONS")
            .aliases(&["ENABLE_API_KEY_ENDPOINT_RESTRICTIONS"]).default("false").stored();

        /// What API keys reach then, whatever each key allows beyond: paths with everything below them, each
        /// with a method before it when only that one is meant.
        api_keys_allowed_endpoints: Endpoints = Entry::new("API_KEYS_ALLOWED_ENDPOINTS")
            .aliases(&["API_KEY_ALLOWED_ENDPOINTS"]).default_note("none").stored();

        /// A further header that may carry a key.
        custom_api_key_header: HeaderName =
            Entry::new("CUSTOM_API_KEY_HEADER").default("x-api-key").restart();
    }

    "Proxy sign-in" {
        /// The header in which a proxy in front names the e-mail address of the person whom it has signed in.
        /// With it set, this header alone decides who signs in.
        webui_auth_trusted_email_header: Option<HeaderName> =
            Entry::new("WEBUI_AUTH_TRUSTED_EMAIL_HEADER").restart();

        /// The header with the person's name, percent-encoded.
        webui_auth_trusted_name_header: Option<HeaderName> =
            Entry::new("WEBUI_AUTH_TRUSTED_NAME_HEADER").restart();

        /// The header with the names of the person's groups, separated by commas. At each sign-in the person
        /// is in exactly those of them that exist.
        webui_auth_trusted_groups_header: Option<HeaderName> =
            Entry::new("WEBUI_AUTH_TRUSTED_GROUPS_HEADER").restart();

        /// The header with the person's role: `admin`, `user` or `pending`; anything else changes nothing.
        webui_auth_trusted_role_header: Option<HeaderName> =
            Entry::new("WEBUI_AUTH_TRUSTED_ROLE_HEADER").restart();

        /// The peers whose identity headers count. `*` is refused.
        trusted_header_proxies: Option<Networks> = Entry::new("WARDROOM_TRUSTED_HEADER_PROXIES")
            .default_note("the peers of `FORWARDED_ALLOW_IPS`").restart();
    }

    "Browser" {
        /// Origins of other pages that may use the API in a person's browser, with the person's session. `*`
        /// lets all of them in, but without anybody's session.
        cors_allow_origin: Origins =
            Entry::new("CORS_ALLOW_ORIGIN").default_note("our own pages only").restart();

        /// Schemes that origins in `CORS_ALLOW_ORIGIN` may have besides `http` and `https`, for desktop apps.
        cors_allow_custom_scheme: Schemes =
            Entry::new("CORS_ALLOW_CUSTOM_SCHEME").default_note("none").restart();

        /// `Strict-Transport-Security`. When it is set it is sent with every answer; when it is not, with a
        /// year over HTTPS.
        hsts: Option<TransportSecurity> =
            Entry::new("HSTS").default_note("`max-age=31536000` over HTTPS").restart();

        /// `X-Frame-Options`. The built-in content security policy follows it.
        xframe_options: FrameOptions = Entry::new("XFRAME_OPTIONS").default("deny").restart();

        /// `X-Content-Type-Options`.
        xcontent_type: ContentTypeOptions = Entry::new("XCONTENT_TYPE").default("nosniff").restart();

        /// `Referrer-Policy`.
        referrer_policy: ReferrerPolicy = Entry::new("REFERRER_POLICY").default("no-referrer").restart();

        /// `Permissions-Policy`.
        permissions_policy: PermissionsPolicy = Entry::new("PERMISSIONS_POLICY")
            .default("camera=(), geolocation=(), microphone=(), payment=(), usb=()").restart();

        /// `Cache-Control` of answers that do not say it themselves, as files that never change do.
        cache_control: CacheControl = Entry::new("CACHE_CONTROL").default("no-store").restart();

        /// `X-Download-Options`.
        xdownload_options: Option<DownloadOptions> = Entry::new("XDOWNLOAD_OPTIONS").restart();

        /// `X-Permitted-Cross-Domain-Policies`.
        xpermitted_cross_domain_policies: CrossDomainPolicies =
            Entry::new("XPERMITTED_CROSS_DOMAIN_POLICIES").default("none").restart();

        /// `Content-Security-Policy`, instead of the built-in one that allows nothing but the app's own files.
        content_security_policy: Option<ContentSecurityPolicy> =
            Entry::new("CONTENT_SECURITY_POLICY").default_note("strict").restart();

        /// `Content-Security-Policy-Report-Only`, beside the one in force.
        content_security_policy_report_only: Option<ContentSecurityPolicy> =
            Entry::new("CONTENT_SECURITY_POLICY_REPORT_ONLY").restart();

        /// `Cross-Origin-Embedder-Policy`.
        cross_origin_embedder_policy: Option<EmbedderPolicy> =
            Entry::new("CROSS_ORIGIN_EMBEDDER_POLICY").restart();

        /// `Cross-Origin-Opener-Policy`.
        cross_origin_opener_policy: OpenerPolicy =
            Entry::new("CROSS_ORIGIN_OPENER_POLICY").default("same-origin").restart();

        /// `Cross-Origin-Resource-Policy`.
        cross_origin_resource_policy: ResourcePolicy =
            Entry::new("CROSS_ORIGIN_RESOURCE_POLICY").default("same-origin").restart();

        /// `Reporting-Endpoints`.
        reporting_endpoints: Option<ReportingEndpoints> = Entry::new("REPORTING_ENDPOINTS").restart();
    }

    "Chat" {
        /// The models that a new chat starts with, separated by commas. People are told those that they may use.
        default_models: Option<String> = Entry::new("DEFAULT_MODELS").range(1, 1000).stored();

        /// Whether a model writes the title of a new chat. Without one the title is the chat's first words.
        enable_title_generation: bool = Entry::new("ENABLE_TITLE_GENERATION").default("true").stored();

        /// The model for small tasks such as titles.
        task_model: Option<String> = Entry::new("TASK_MODEL").range(1, 256).stored();

        /// The same for chats with an external provider; it goes before `TASK_MODEL`.
        task_model_external: Option<String> = Entry::new("TASK_MODEL_EXTERNAL").range(1, 256).stored();
    }

    "Audit" {
        /// How much the audit log keeps. `NONE`: nothing. `METADATA`: who did what to what, when, from where and how
        /// it ended. `REQUEST`: also what was sent. `REQUEST_RESPONSE`: also what was answered. Secrets are taken
        /// out at every level.
        audit_log_level: AuditLevel = Entry::new("AUDIT_LOG_LEVEL").default("METADATA").restart();

        /// Whether the records are also written to a file, line by line. The database holds them in any case.
        enable_audit_logs_file: bool = Entry::new("ENABLE_AUDIT_LOGS_FILE").default("true").restart();

        /// That file.
        audit_logs_file_path: Option<PathBuf> =
            Entry::new("AUDIT_LOGS_FILE_PATH").default_note("`audit.log` in `DATA_DIR`").restart();

        /// At this size the file is renamed and a new one begins.
        audit_log_file_rotation_size: Size = Entry::new("AUDIT_LOG_FILE_ROTATION_SIZE")
            .default("10MB").range(64 * 1024, 1 << 40).restart();

        /// Whether the lines are also written to standard output.
        enable_audit_stdout: bool = Entry::new("ENABLE_AUDIT_STDOUT").default("false").restart();

        /// Whether each answer that used a model gets a line of its own. The ledger has it anyway, and the record of its
        /// batch proves it.
        enable_audit_model_usage: bool = Entry::new("ENABLE_AUDIT_MODEL_USAGE").default("false").restart();

        /// How much of a body is kept, each way, after secrets were taken out.
        max_body_log_size: Size =
            Entry::new("MAX_BODY_LOG_SIZE").default("2048").range(0, 64 * 1024).restart();

        /// Paths below which chats, answers and readings leave no record, e.g. `/chats,/folders`. Sign-ins, refused
        /// requests, and changes of accounts, credentials, rights, keys, connections and settings are recorded
        /// whatever is listed here.
        audit_excluded_paths: PathList =
            Entry::new("AUDIT_EXCLUDED_PATHS").default_note("none").restart();

        /// When something is listed here, the same is recorded below these paths only.
        audit_included_paths: PathList =
            Entry::new("AUDIT_INCLUDED_PATHS").default_note("all").restart();

        /// Whether successful GET requests of the API leave a record too.
        enable_audit_get_requests: bool =
            Entry::new("ENABLE_AUDIT_GET_REQUESTS").default("false").restart();
    }

    "Operation" {
        /// How log lines are written.
        log_format: LogFormat = Entry::new("LOG_FORMAT").default("text").restart();

        /// The least important kind of log line that is written.
        global_log_level: LogLevel = Entry::new("GLOBAL_LOG_LEVEL").default("info").restart();

        /// Whether a value that an administrator stored wins over the environment. By default the environment
        /// wins and the form shows the setting locked.
        enable_persistent_config: bool = Entry::new("ENABLE_PERSISTENT_CONFIG").default("false").restart();
    }
}
