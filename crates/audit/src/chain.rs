//! The chain that binds each line of the file to the one before.
//!
//! A line ends with `,"previous":"<seal before>","seal":"<its own>"}`. The seal is a MAC over the previous seal and
//! everything of the line before `,"seal"`. The first line's previous is a random number, the name of the chain.

use vault::{Notary, Paper};

/// The name of a chain, or the seal of a line.
pub(crate) type Seal = [u8; 32];

const PREVIOUS: &[u8] = b",\"previous\":\"";
const SEAL: &[u8] = b"\",\"seal\":\"";
const END: &[u8] = b"\"}";
const HEX: usize = 64;
/// What the chain adds to a line.
const TAIL: usize = PREVIOUS.len() + HEX + SEAL.len() + HEX + END.len();

/// Completes an open line and adds a line break. Returns the seal, which the next line needs.
pub(crate) fn complete(line: &mut Vec<u8>, previous: &Seal, notary: &Notary) -> Seal {
    line.extend_from_slice(PREVIOUS);
    push_hex(line, previous);
    line.push(b'"');
    let seal = notary.seal(Paper::Line, &[previous, line]);
    line.extend_from_slice(&SEAL[1..]);
    push_hex(line, &seal);
    line.extend_from_slice(END);
    line.push(b'\n');
    seal
}

/// What a line says of its place in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) previous: Seal,
    pub(crate) seal: Seal,
    /// Whether the seal is really ours, over exactly this line.
    pub(crate) is_genuine: bool,
}

/// Reads the end of a line (without its line break). `None` when there is no seal at all.
pub(crate) fn link(line: &[u8], notary: &Notary) -> Option<Link> {
    let tail = line.get(line.len().checked_sub(TAIL)?..)?;
    let rest = tail.strip_prefix(PREVIOUS)?;
    let previous = unhex(rest.get(..HEX)?)?;
    let rest = rest.get(HEX..)?.strip_prefix(SEAL)?;
    let seal = unhex(rest.get(..HEX)?)?;
    if rest.get(HEX..)? != END {
        return None;
    }
    // Up to and with the quote that ends the previous seal.
    let sealed = &line[..line.len() - END.len() - HEX - (SEAL.len() - 1)];
    let expected = notary.seal(Paper::Line, &[&previous, sealed]);
    Some(Link { previous, seal, is_genuine: vault::constant_time_eq(&expected, &seal) })
}

/// Lower-case digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(2 * bytes.len());
    push_hex(&mut text, bytes);
    String::from_utf8(text).expect("digits are text")
}

fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// Reads [`hex`] of exactly `N` bytes.
pub(crate) fn unhex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'a'..=b'f' => Some(c - b'a' + 10),
            _ => None,
        };
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
