//! From the environment, the `.env` file and the stored values to the settings in force.
//!
//! Precedence: environment, `.env` file, stored, default. With `ENABLE_PERSISTENT_CONFIG=true` a stored value
//! goes before the environment, as at Open WebUI. All problems are found in one go.

use std::{collections::BTreeMap, io, path::Path};

use kernel::Role;

use crate::{
    BaseUrls, CookieRules, Database, Entry, Given, Hosts, Networks, Notice, Origins, Places, Problem,
    Provider, Settings, TrustedHeaders, catalogue, cookie, database, header_name, hosts,
    names::{self, Verdict},
    provider,
    setting::Setting,
};

/// A value and where it came from.
#[derive(Debug, Clone)]
pub struct Value<T> {
    /// The value in force.
    pub value: T,
    /// Where it came from.
    pub source: Source,
}

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// This environment variable.
    Environment(&'static str),
    /// This variable of the `.env` file.
    File(&'static str),
    /// An administrator stored it.
    Stored,
}

/// Everything that settings are read from.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The process environment.
    pub environment: &'a BTreeMap<String, String>,
    /// The `.env` file, read by [`crate::parse_dotenv`].
    pub file: &'a BTreeMap<String, String>,
    /// What administrators stored: the setting's environment name and the text that
    /// [`Settings::storable`] made.
    pub stored: &'a BTreeMap<String, String>,
    /// Reads a file that a setting names.
    pub open: &'a dyn Fn(&Path) -> io::Result<String>,
}

/// The settings in force, and what follows from several of them together.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Every setting.
    pub settings: Settings,
    /// Where the data is.
    pub database: Database,
    /// The providers that the environment names.
    pub providers: Vec<Provider>,
    /// Which base URLs connections may have.
    pub base_urls: BaseUrls,
    /// How the session cookie is set.
    pub cookie: CookieRules,
    /// Who vouches for people by headers.
    pub trusted_headers: Option<TrustedHeaders>,
    /// The host of `WEBUI_URL`, in lower case and without port or brackets.
    pub public_host: Option<String>,
    /// What an operator should know.
    pub notices: Vec<Notice>,
}

/// Reads the settings, or names everything that is wrong with them.
pub fn read(sources: &Sources<'_>) -> Result<Loaded, Vec<Problem>> {
    let mut reader = Reader::new(*sources);
    let settings = Settings::read(&mut reader);
    reader.judge_names();
    let Reader { mut problems, notices, .. } = reader;
    let Some(settings) = settings else { return Err(problems) };

    let mut note = |problem| problems.push(problem);
    let database = database::resolve(&settings).map_err(&mut note).ok();
    let providers = provider::providers(&settings).map_err(&mut note).ok();
    let cookie = cookie::rules(&settings).map_err(&mut note).ok();
    let trusted_headers = header_name::trusted(&settings).map_err(&mut note).ok();
    problems.extend(lonely_admin(&settings));
    problems.extend(hosts::check_origins(&settings));
    match (database, providers, cookie, trusted_headers) {
        (Some(database), Some(providers), Some(cookie), Some(trusted_headers)) if problems.is_empty() => {
            Ok(Loaded {
                database,
                providers,
                base_urls: provider::base_urls(&settings),
                cookie,
                trusted_headers,
                public_host: hosts::public_host(settings.webui_url.value.as_ref()),
                notices: notices.into_iter().chain(unsafe_choices(&settings)).collect(),
                settings,
            })
        }
        _ => Err(problems),
    }
}

/// An administrator's e-mail address without a password, or the other way round.
fn lonely_admin(settings: &Settings) -> Option<Problem> {
    match (&settings.webui_admin_email.value, &settings.webui_admin_password.value) {
        (Some(_), None) => {
            Some(Problem::together("WEBUI_ADMIN_EMAIL", "needs WEBUI_ADMIN_PASSWORD beside it"))
        }
        (None, Some(_)) => {
            Some(Problem::together("WEBUI_ADMIN_PASSWORD", "needs WEBUI_ADMIN_EMAIL beside it"))
        }
        _ => None,
    }
}

fn unsafe_choices(settings: &Settings) -> impl Iterator<Item = Notice> {
    let choices = [
        (settings.forwarded_allow_ips.value == Networks::Everybody, Notice::EverybodyForwards),
        (settings.default_user_role.value == Role::Admin, Notice::EverybodyAdministrates),
        (settings.allowed_hosts.value == Hosts::Any, Notice::AnyHost),
        (settings.cors_allow_origin.value == Origins::Everybody, Notice::EverybodyReads),
        (settings.jwt_expires_in.value.limit().is_none(), Notice::EndlessSessions),
    ];
    choices.into_iter().filter_map(|(is_chosen, notice)| is_chosen.then_some(notice))
}

/// Looks every setting up, and collects what is wrong on the way.
pub(crate) struct Reader<'a> {
    sources: Sources<'a>,
    stored_wins: bool,
    problems: Vec<Problem>,
    notices: Vec<Notice>,
}

/// A text that was found for a setting.
struct Found {
    text: String,
    source: Source,
    /// The variable, for errors.
    name: String,
}

#[derive(Clone, Copy)]
enum Layer {
    Environment,
    File,
    Stored,
}

impl<'a> Reader<'a> {
    fn new(sources: Sources<'a>) -> Self {
        let mut reader = Self { sources, stored_wins: false, problems: Vec::new(), notices: Vec::new() };
        let switch = catalogue().iter().find(|entry| entry.name == "ENABLE_PERSISTENT_CONFIG");
        reader.stored_wins = switch.is_some_and(|entry| {
            // A wrong value is reported when its turn comes; until then the environment wins.
            let found = reader.find(entry).ok().flatten();
            found.is_some_and(|found| bool::read(found.text.trim(), entry) == Ok(true))
        });
        reader
    }

    /// The value of one setting; `None` when there is a problem, which is then noted.
    pub(crate) fn value<T: Setting>(&mut self, entry: &'static Entry) -> Option<Value<T>> {
        match self.find(entry) {
            Err(problem) => {
                self.problems.push(problem);
                None
            }
            Ok(None) => Some(Value { value: default(entry), source: Source::Default }),
            Ok(Some(found)) => match self.read_found(entry, &found) {
                Ok(value) => Some(Value { value, source: found.source }),
                Err(problem) => {
                    self.problems.push(problem);
                    None
                }
            },
        }
    }

    fn read_found<T: Setting>(&self, entry: &Entry, found: &Found) -> Result<T, Problem> {
        let text = if entry.is_secret() { &found.text } else { found.text.trim() };
        let contents;
        let text = if entry.may_be_path && !text.starts_with(['{', '[']) {
            contents = self.open(&found.name, text)?;
            contents.trim()
        } else {
            text
        };
        T::read(text, entry).map_err(|wrong| Problem::Wrong {
            name: found.name.clone(),
            given: if entry.is_private() { Given::Private(text.chars().count()) } else { Given::text(text) },
            expected: entry.expected(),
            why: wrong.0,
        })
    }

    fn open(&self, name: &str, path: &str) -> Result<String, Problem> {
        (self.sources.open)(Path::new(path))
            .map_err(|error| Problem::Unreadable { name: name.to_owned(), cause: error.to_string() })
    }

    /// The text of the strongest layer that has one. Weaker layers are not even looked at, except for what a
    /// stored value hides.
    fn find(&mut self, entry: &'static Entry) -> Result<Option<Found>, Problem> {
        let layers = match entry.places {
            Places::Environment => &[Layer::Environment, Layer::File][..],
            Places::Stored if self.stored_wins => &[Layer::Stored, Layer::Environment, Layer::File],
            Places::Stored => &[Layer::Environment, Layer::File, Layer::Stored],
        };
        let mut strongest: Option<Found> = None;
        for layer in layers {
            let Some(found) = self.find_in(*layer, entry)? else { continue };
            if strongest.as_ref().is_some_and(|stored| stored.text != found.text) {
                self.notices.push(Notice::Hidden(entry.name));
            }
            let is_hiding = strongest.is_none() && found.source == Source::Stored;
            strongest.get_or_insert(found);
            if !is_hiding {
                break;
            }
        }
        Ok(strongest)
    }

    /// The text that one layer has for a setting. An empty variable counts as not set: that is what
    /// `docker compose` makes of a variable it does not know.
    fn find_in(&self, layer: Layer, entry: &'static Entry) -> Result<Option<Found>, Problem> {
        let (values, source): (_, fn(&'static str) -> Source) = match layer {
            Layer::Environment => (self.sources.environment, Source::Environment),
            Layer::File => (self.sources.file, Source::File),
            Layer::Stored => {
                let text = self.sources.stored.get(entry.name).cloned();
                let name = format!("the stored value of {}", entry.name);
                return Ok(text.map(|text| Found { text, source: Source::Stored, name }));
            }
        };
        let set = |name: &str| values.get(name).filter(|text| !text.trim().is_empty());
        for name in entry.names() {
            let file_name = format!("{name}_FILE");
            let file = if entry.is_secret() { set(&file_name) } else { None };
            let (text, name_found) = match (set(name), file) {
                (Some(_), Some(_)) => return Err(Problem::Both(name)),
                (Some(text), None) => (text.clone(), name.to_owned()),
                (None, Some(path)) => (self.secret_file(&file_name, path)?, file_name),
                (None, None) => continue,
            };
            return Ok(Some(Found { text, source: source(name), name: name_found }));
        }
        Ok(None)
    }

    /// The content of a secret's file without the one line break that editors put at the end.
    fn secret_file(&self, name: &str, path: &str) -> Result<String, Problem> {
        let mut text = self.open(name, path.trim())?;
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        if text.trim().is_empty() { Err(Problem::Empty(name.to_owned())) } else { Ok(text) }
    }

    /// Notes misspelt variables, and those of peers that do nothing here.
    fn judge_names(&mut self) {
        let mut not_used = Vec::new();
        let names = self.sources.environment.keys().chain(self.sources.file.keys());
        for name in names.collect::<std::collections::BTreeSet<_>>() {
            match names::judge(name) {
                Verdict::Fine => {}
                Verdict::NotUsed => not_used.push(name.clone()),
                Verdict::Unknown(suggestion) => {
                    self.problems.push(Problem::Unknown { name: name.clone(), suggestion });
                }
            }
        }
        if !not_used.is_empty() {
            self.notices.push(Notice::NotUsed(not_used));
        }
    }
}

/// The value of a setting that nobody sets.
pub(crate) fn default<T: Setting>(entry: &Entry) -> T {
    match entry.default {
        Some(text) => T::read(text, entry).ok(),
        None => T::unset(),
    }
    .expect("a test reads the settings from nothing, so every default is a value")
}
