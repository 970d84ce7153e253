//! The root secrets of the key ring: from the settings, or made once and kept in the data directory.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use kernel::{Caller, Refusal, Secret, World};
use settings::Settings;
use store::Db;
use vault::{CanaryError, KeyRing, Roots};

use crate::error::StartError;

/// Where a generated `WEBUI_SECRET_KEY` is kept, inside the data directory.
const KEY_FILE: &str = ".webui_secret_key";
/// The stored value that proves the keys.
const CANARY: &str = "keys.canary";

/// Makes the data directory, for its owner alone whatever the umask.
pub(crate) fn data_directory(path: &Path) -> Result<(), StartError> {
    store::private_directory(path).map_err(|error| StartError::DataDirectory {
        path: path.display().to_string(),
        cause: error.to_string(),
    })
}

/// Derives all keys.
pub(crate) fn ring(settings: &Settings, world: &World) -> Result<KeyRing, StartError> {
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
    Ok(KeyRing::new(&Roots {
        webui_secret_key: &root,
        config_encryption_key: settings.config_encryption_key.value.as_ref(),
        retired: &[],
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

/// Why these keys are not those of the data, if the data says so. Reads only, and takes a database without
/// tables for one that says nothing.
pub(crate) async fn contradiction(db: &Db, ring: &KeyRing) -> Option<String> {
    // At the very first start there is no table to ask, and nothing that these keys could contradict.
    if store::is_new(db).await.ok()? {
        return None;
    }
    let stored = store::settings::get(db, CANARY).await.ok()??;
    check(&stored, ring).err()
}

/// Proves that these keys belong to this data, or leaves the proof behind for the next start. The reason why
/// they do not when they do not: then the server is sealed, nothing is read and nothing is written.
pub(crate) async fn prove(db: &Db, ring: &KeyRing, world: &World) -> Result<Result<(), String>, StartError> {
    let permit = &Caller::operator().may_manage_settings().map_err(Refusal::from)?;
    let stored = if let Some(stored) = store::settings::get(db, CANARY).await? {
        stored
    } else {
        let fresh = serde_json::json!(hex(&ring.canary(world))).to_string();
        store::settings::set_if_absent(db, CANARY, &fresh, world.now(), permit).await?
    };
    Ok(check(&stored, ring))
}

fn check(stored: &str, ring: &KeyRing) -> Result<(), String> {
    let proof = serde_json::from_str::<String>(stored).ok().and_then(|text| unhex(&text));
    let proof = proof.ok_or("the stored proof of the keys is damaged; restore the database")?;
    ring.proves(&proof).map_err(|error| explain(&error))
}

fn explain(error: &CanaryError) -> String {
    format!(
        "WEBUI_SECRET_KEY or CONFIG_ENCRYPTION_KEY is not the one that this database was made with ({error}); \
         start with the right one, or with an empty database"
    )
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
