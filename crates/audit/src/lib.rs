//! The audit log: which requests it keeps how much of, the line in its file, and the proof that nobody changed
//! either the file or the records.

pub mod redact;
