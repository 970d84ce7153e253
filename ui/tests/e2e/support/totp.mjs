/** What an authenticator app computes (RFC 6238: HMAC-SHA-1, 30 seconds, 6 digits). */
import { createHmac } from 'node:crypto';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * The code of `secret` (base32) now, or some steps later. A server that takes no code twice takes that of the next step
 * already, so a story need not wait half a minute for a second one.
 */
export function totp(secret, stepsLater = 0) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + stepsLater));
  const digest = createHmac('sha1', bytesOf(secret)).update(counter).digest();
  const at = digest[digest.length - 1] & 0x0f;
  const number = digest.readUInt32BE(at) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/** Seconds of a step, and how many steps ahead a server still takes a code. */
const STEP = 30;
const AHEAD = 1;

/** An app that never shows a code twice: it takes that of the next step, and waits when a server would not take it yet. */
export class AuthenticatorApp {
  #last;

  /** `secret` in base32; the code of this very step counts as used, because setting the app up took it. */
  constructor(secret) {
    this.secret = secret;
    this.#last = this.#now();
  }

  async code() {
    this.#last = Math.max(this.#last + 1, this.#now());
    const early = (this.#last - AHEAD) * STEP * 1000 - Date.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early + 250));
    return totp(this.secret, this.#last - this.#now());
  }

  #now() {
    return Math.floor(Date.now() / 1000 / STEP);
  }
}

function bytesOf(secret) {
  const bits = [...secret.replace(/[\s=]/g, '').toUpperCase()].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
