//! What operators and administrators can rely on when they set something.

mod database;
mod documents;
mod forms;
mod precedence;
mod problems;
mod providers;

use std::{collections::BTreeMap, io, path::Path};

use settings::{Loaded, Problem, Sources, read};

/// What is set where, for one test.
#[derive(Default)]
pub(crate) struct World {
    environment: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    stored: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

impl World {
    /// With this environment and nothing else.
    pub(crate) fn with(environment: &[(&str, &str)]) -> Self {
        Self { environment: map(environment), ..Self::default() }
    }

    /// And this `.env` file.
    pub(crate) fn file(mut self, values: &[(&str, &str)]) -> Self {
        self.file = map(values);
        self
    }

    /// And these stored values.
    pub(crate) fn stored(mut self, values: &[(&str, &str)]) -> Self {
        self.stored = map(values);
        self
    }

    /// And these files on the disk.
    pub(crate) fn disk(mut self, files: &[(&str, &str)]) -> Self {
        self.files = map(files);
        self
    }

    /// The settings, or what is wrong.
    pub(crate) fn try_read(&self) -> Result<Loaded, Vec<Problem>> {
        let open = |path: &Path| {
            let text = path.to_str().and_then(|path| self.files.get(path));
            text.cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        let Self { environment, file, stored, .. } = self;
        read(&Sources { environment, file, stored, open: &open })
    }

    /// The settings.
    pub(crate) fn read(&self) -> Loaded {
        self.try_read().map_err(|problems| text(&problems)).expect("these settings are fine")
    }

    /// What is wrong, as an operator reads it.
    pub(crate) fn problems(&self) -> String {
        text(&self.try_read().expect_err("something is wrong"))
    }
}

fn map(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn text(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
