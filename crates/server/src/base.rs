//! What every command stands on: settings, clock and dice, the database and the key ring.

use std::{collections::BTreeMap, io::ErrorKind, path::Path, sync::Arc};

use kernel::{
    Caller, World,
    audit::{Entry, Event},
};
use settings::{Database, Live, Loaded, Sources};
use store::{
    DatabaseConfig, Db, PoolConfig,
    audit::{self, Filter, Recorder},
};
use vault::{KeyRing, Standing};

use crate::{error::StartError, secrets, world};

/// Settings with what is stored, an open and migrated database, and the keys that belong to it.
pub(crate) struct Base {
    pub(crate) settings: Live,
    pub(crate) world: World,
    pub(crate) db: Db,
    pub(crate) ring: Arc<KeyRing>,
}

/// What is known when the keys are not those of the data: enough to say so.
pub(crate) struct Sealed {
    pub(crate) settings: Live,
    pub(crate) world: World,
    pub(crate) reason: String,
}

impl Sealed {
    async fn close(db: Db, world: World, reason: String) -> Result<Self, StartError> {
        db.close().await;
        Ok(Self { settings: live(&BTreeMap::new())?, world, reason })
    }
}

impl Base {
    /// Opens everything, and brings the schema up to date. A wrong key changes nothing, not even the schema.
    pub(crate) async fn open() -> Result<Result<Self, Sealed>, StartError> {
        // All settings, several times over: too much for the stack of whoever waits.
        Box::pin(Self::assemble()).await
    }

    async fn assemble() -> Result<Result<Self, Sealed>, StartError> {
        let (loaded, world) = settings()?;
        secrets::data_directory(&loaded.settings.data_dir.value)?;
        let roots = secrets::roots(&loaded.settings, &world)?;
        let db = open_database(&loaded, &world).await?;
        let opened = match secrets::open(&db, roots).await? {
            Ok(opened) => opened,
            Err(reason) => return Sealed::close(db, world, reason).await.map(Err),
        };
        store::migrate(&db, world.now()).await?;
        let (ring, standing) = if let Some(opened) = opened {
            opened
        } else {
            let roots = || secrets::roots(&loaded.settings, &world);
            match secrets::begin(&db, (roots()?, roots()?), &world).await? {
                Ok(ring) => (ring, Standing::Current),
                Err(reason) => return Sealed::close(db, world, reason).await.map(Err),
            }
        };
        let ring = Arc::new(ring);
        db.recorder().unlock(ring.clone());
        if standing == Standing::Replaced {
            let count = secrets::replace(&db, &ring, &world).await?;
            tracing::info!(count, "the root secrets were replaced and sealed values sealed anew");
        }
        note_schema(&db).await?;
        let settings = live(&store::settings::all(&db).await?)?;
        Ok(Ok(Self { settings, world, db, ring }))
    }

    /// The same for commands that change or read data: a wrong key ends them.
    pub(crate) async fn open_unsealed() -> Result<Self, StartError> {
        Self::open().await?.map_err(|sealed| StartError::Sealed(sealed.reason))
    }
}

/// Records that the schema is another one than it was when this was last looked at, whoever changed it: `wardroom
/// migrate` does without the keys that records are sealed with.
async fn note_schema(db: &Db) -> Result<(), StartError> {
    let filter = Filter { event: Some(Event::MigrationRun.as_str().to_owned()), ..Filter::default() };
    let last = audit::list(db, &filter, 1).await?.pop();
    let noted = last.and_then(|record| serde_json::from_str::<serde_json::Value>(&record.body).ok());
    let noted = noted.and_then(|body| body["detail"]["version"].as_i64());
    let version = store::schema_version(db).await?;
    if noted != Some(version) {
        let entry = Entry::done(Event::MigrationRun, &Caller::operator()).with("version", version);
        audit::record(db, &entry).await?;
    }
    Ok(())
}

/// The settings of the environment and the `.env` file alone: what has to be known before a database is open.
pub(crate) fn settings() -> Result<(Loaded, World), StartError> {
    let Environment { variables, file } = Environment::read()?;
    let sources = Sources {
        environment: &variables,
        file: &file,
        stored: &BTreeMap::new(),
        open: &|path| std::fs::read_to_string(path),
    };
    let loaded = settings::read(&sources).map_err(StartError::Settings)?;
    Ok((loaded, world::real()))
}

/// The settings of the environment, the `.env` file and what is stored.
fn live(stored: &BTreeMap<String, String>) -> Result<Live, StartError> {
    let Environment { variables, file } = Environment::read()?;
    Live::new(variables, file, stored, Box::new(|path| std::fs::read_to_string(path)))
        .map_err(StartError::Settings)
}

/// Opens the database that the settings name, without migrating it. Records of changes wait for their
/// key: see [`Recorder::unlock`].
pub(crate) async fn open_database(loaded: &Loaded, world: &World) -> Result<Db, StartError> {
    let config = match &loaded.database {
        Database::Sqlite { path } => {
            if let Some(parent) = path.parent() {
                secrets::data_directory(parent)?;
            }
            DatabaseConfig::Sqlite { path: path.clone() }
        }
        Database::Postgres { url, schema, pool } => DatabaseConfig::Postgres {
            url: url.clone(),
            schema: schema.clone(),
            pool: PoolConfig {
                size: usize::try_from(pool.size).unwrap_or(usize::MAX),
                overflow: usize::try_from(pool.overflow).unwrap_or(usize::MAX),
                acquire_timeout: pool.timeout,
                recycle: pool.recycle,
            },
        },
    };
    let level = ::audit::level(&loaded.settings);
    Ok(Db::open(&config, Recorder::locked(world.clone(), level)).await?)
}

/// The environment as the process found it, and the `.env` file beside it.
struct Environment {
    variables: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
}

impl Environment {
    /// Reads both. A variable that is no text is left out: none of ours can be meant.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    fn read() -> Result<Self, StartError> {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let file = match std::fs::read_to_string(Path::new(".env")) {
            Ok(text) => settings::parse_dotenv(&text).map_err(StartError::Settings)?,
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(StartError::EnvFile(error.to_string())),
        };
        Ok(Self { variables, file })
    }
}
