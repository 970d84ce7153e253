//! The files of an embedded database: nobody but the owner may read them, whatever the umask says.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Makes a directory with mode 0700, its missing parents too, or takes the rights of others away from
/// one that exists. Meant for the data directory; a shared place such as `/tmp` must not be given here.
pub fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    restrict(path, 0o700)
}

/// Makes the database file with mode 0600 before SQLite sees it, and corrects the mode of the files
/// that exist. SQLite gives `-wal` and `-shm` the mode of the database file. A missing directory is
/// made with mode 0700; one that exists is left as it is, for it may be shared.
pub(super) fn prepare(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists()) {
        private_directory(parent)?;
    }
    drop::<File>(
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?,
    );
    restrict(path, 0o600)?;
    for suffix in ["-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match restrict(&PathBuf::from(name), 0o600) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Changes the mode only where it differs, so that a file of another owner with the right mode is fine.
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    if fs::metadata(path)?.permissions().mode() & 0o7777 == mode {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode))
}
