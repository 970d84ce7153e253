//! The root secrets of the key ring: from the settings, or made once and kept in the data directory; and the
//! proof that they belong to the data.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use kernel::{Caller, Refusal, Secret, World};
use settings::Settings;
use store::Db;
use vault::{AnchorError, KeyRing, Place, Previous, RootKeys, Roots, Standing};

use crate::error::StartError;

/// Where a generated `WEBUI_SECRET_KEY` is kept, inside the data directory.
const KEY_FILE: &str = ".webui_secret_key";

/// Makes the data directory, for its owner alone whatever the umask.
pub(crate) fn data_directory(path: &Path) -> Result<(), StartError> {
    store::private_directory(path).map_err(|error| StartError::DataDirectory {
        path: path.display().to_string(),
        cause: error.to_string(),
    })
}

/// Derives the keys of the roots.
pub(crate) fn roots(settings: &Settings, world: &World) -> Result<RootKeys, StartError> {
    let root = match &settings.webui_secret_key.value {
        Some(secret) => {
            vault::check_root_secret("WEBUI_SECRET_KEY", secret)?;
            secret.clone()
        }
        None => generated(&settings.data_dir.value, world)?,
    };
    if let Some(secret) = &settings.config_encryption_key.value {
        vault::check_root_secret("CONFIG_ENCRYPTION_KEY", secret)?;
    }
    if let Some(secret) = &settings.litellm_master_key.value {
        vault::check_master_key("LITELLM_MASTER_KEY", secret)?;
    }
    Ok(RootKeys::new(&Roots {
        webui_secret_key: &root,
        config_encryption_key: settings.config_encryption_key.value.as_ref(),
        previous: Previous {
            webui_secret_key: settings.webui_secret_key_previous.value.as_ref(),
            sessions_until: settings.webui_secret_key_previous_until.value,
            config_encryption_key: settings.config_encryption_key_previous.value.as_ref(),
        },
    }))
}

/// Reads the generated key, or makes it. Two processes that start at once agree: the file is created by
/// exactly one of them, complete, under its final name.
fn generated(directory: &Path, world: &World) -> Result<Secret<String>, StartError> {
    let path = directory.join(KEY_FILE);
    let failed =
        |error: io::Error| StartError::KeyFile { path: path.display().to_string(), cause: error.to_string() };
    if !path.exists() {
        let text = hex(&world.bytes::<32>());
        let draft = directory.join(format!("{KEY_FILE}.{}", std::process::id()));
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        // Linking fails when the other process was first; then its key is the one.
        let linked = fs::hard_link(&draft, &path);
        fs::remove_file(&draft).map_err(failed)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    let text = fs::read_to_string(&path).map_err(failed)?;
    let secret = Secret::new(text.trim().to_owned());
    vault::check_root_secret("WEBUI_SECRET_KEY", &secret)?;
    Ok(secret)
}

/// Opens the data with these roots; `None` when nothing is stored yet, so that any roots will do. The reason
/// why they are not those of the data when they are not: then the server is sealed, nothing more is read and
/// nothing is written.
pub(crate) async fn open(
    db: &Db,
    roots: RootKeys,
) -> Result<Result<Option<(KeyRing, Standing)>, String>, StartError> {
    // At the very first start there is no table to ask.
    if store::is_new(db).await? {
        return Ok(Ok(None));
    }
    let Some(stored) = store::sealed::anchor(db).await? else { return Ok(Ok(None)) };
    Ok(unlock(&stored, roots).map(Some))
}

/// The ring of new data. Another process that starts at the same moment may be the one that draws the anchor.
pub(crate) async fn begin(
    db: &Db,
    (first, again): (RootKeys, RootKeys),
    world: &World,
) -> Result<Result<KeyRing, String>, StartError> {
    let fresh = as_json(&first.first(world).anchor(world));
    let stored = store::sealed::first_anchor(db, &fresh, world.now()).await?;
    Ok(unlock(&stored, again).map(|(ring, _)| ring))
}

/// Seals everything anew under roots that replace former ones. What cannot be opened stays as it is: its owner
/// has to enter it again, as before.
pub(crate) async fn replace(db: &Db, ring: &KeyRing, world: &World) -> Result<usize, StartError> {
    let permit = &Caller::operator().may_manage_settings().map_err(Refusal::from)?;
    let mut renewed = Vec::new();
    for value in store::sealed::all(db).await? {
        let place = Place::new(value.table, value.column, value.row.clone());
        match ring.reseal(&place, &value.bytes, world) {
            Ok(Some(sealed)) => renewed.push((value, sealed)),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(table = value.table, row = value.row, %error, "a sealed value could not be renewed");
            }
        }
    }
    let anchor = as_json(&ring.anchor(world));
    store::sealed::replace(db, &anchor, &renewed, world.now(), permit).await?;
    Ok(renewed.len())
}

fn unlock(stored: &str, roots: RootKeys) -> Result<(KeyRing, Standing), String> {
    let anchor = serde_json::from_str::<String>(stored).ok().and_then(|text| unhex(&text));
    let anchor = anchor.ok_or("the stored anchor of the keys is damaged; restore the database")?;
    roots.open(&anchor).map_err(|error| explain(&error))
}

fn explain(error: &AnchorError) -> String {
    format!(
        "WEBUI_SECRET_KEY or CONFIG_ENCRYPTION_KEY is not the one that this database was made with ({error}); \
         start with the right one, or with an empty database"
    )
}

fn as_json(anchor: &[u8]) -> String {
    serde_json::json!(hex(anchor)).to_string()
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| {
        (0..text.len()).step_by(2).filter_map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_is_made_once_and_is_its_owners_alone() {
        let directory = std::env::temp_dir().join(format!("wardroom-key-{}", std::process::id()));
        data_directory(&directory).unwrap();
        let world = crate::world::real();
        let first = generated(&directory, &world).unwrap();
        let second = generated(&directory, &world).unwrap();
        assert_eq!(first.expose(), second.expose());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&directory.join(KEY_FILE))), (0o700, 0o600));
        fs::remove_dir_all(&directory).unwrap();
    }
}
