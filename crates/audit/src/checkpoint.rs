//! Signed places in the chain of records, in the database and in a file beside it: whoever deletes the newest records
//! cannot also take back what was signed about them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use store::audit::Checkpoint;
use vault::Notary;

use crate::{
    chain::{hex, unhex},
    head::write_whole,
};

/// The file's name in the data directory.
const FILE: &str = "audit.checkpoint";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    seq: i64,
    hash: String,
    at: i64,
    signature: String,
    public_key: String,
}

/// The file of this data directory.
pub fn file_in(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// What is signed: readable, so that it can be checked with any tool that knows Ed25519.
fn message(seq: i64, hash: &[u8; 32], at: Timestamp) -> String {
    format!("wardroom audit checkpoint 1\nseq {seq}\nhash {}\nat {}\n", hex(hash), at.micros())
}

/// Signs a place.
pub(crate) fn sign(seq: i64, hash: [u8; 32], at: Timestamp, notary: &Notary) -> Checkpoint {
    let signature = notary.sign(message(seq, &hash, at).as_bytes()).to_vec();
    Checkpoint { seq, hash, at, signature }
}

/// Whether the signature is ours.
pub(crate) fn is_ours(checkpoint: &Checkpoint, notary: &Notary) -> bool {
    let message = message(checkpoint.seq, &checkpoint.hash, checkpoint.at);
    notary.has_signed(message.as_bytes(), &checkpoint.signature)
}

/// Why a file gives no checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoCheckpoint {
    /// There is none.
    Missing,
    /// It is not ours as it stands.
    Changed,
}

/// Reads the file.
pub(crate) fn read(path: &Path, notary: &Notary) -> io::Result<Result<Checkpoint, NoCheckpoint>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(NoCheckpoint::Missing)),
        other => other?,
    };
    let parse = || {
        let written: Written = serde_json::from_slice(&text).ok()?;
        let signature: [u8; 64] = unhex(written.signature.as_bytes())?;
        let checkpoint = Checkpoint {
            seq: written.seq,
            hash: unhex(written.hash.as_bytes())?,
            at: Timestamp::from_micros(written.at),
            signature: signature.to_vec(),
        };
        is_ours(&checkpoint, notary).then_some(checkpoint)
    };
    Ok(parse().ok_or(NoCheckpoint::Changed))
}

/// Replaces the file at once.
pub(crate) fn write(path: &Path, checkpoint: &Checkpoint, notary: &Notary) -> io::Result<()> {
    let written = Written {
        seq: checkpoint.seq,
        hash: hex(&checkpoint.hash),
        at: checkpoint.at.micros(),
        signature: hex(&checkpoint.signature),
        public_key: hex(&notary.public_key()),
    };
    let text = serde_json::to_string(&written).expect("numbers and texts serialise");
    write_whole(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::notary;

    #[test]
    fn a_checkpoint_file_is_ours_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = file_in(folder.path());
        assert_eq!(read(&path, &notary()).unwrap(), Err(NoCheckpoint::Missing));
        let signed = sign(7, [3; 32], Timestamp::from_seconds(9), &notary());
        write(&path, &signed, &notary()).unwrap();
        assert_eq!(read(&path, &notary()).unwrap(), Ok(signed));

        let text = fs::read_to_string(&path).unwrap().replace("\"seq\":7", "\"seq\":6");
        fs::write(&path, text).unwrap();
        assert_eq!(read(&path, &notary()).unwrap(), Err(NoCheckpoint::Changed));
    }
}
