import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makePasskey, usePasskey } from './webauthn';
import { assertionOf, creationOptions, registrationOf, requestOptions } from './webauthn-json';

const CHALLENGE = '-_8AAQ'; // 0xfb 0xff 0x00 0x01: both characters that base64url has of its own
const bytes = (source: BufferSource) => [...new Uint8Array(source as ArrayBuffer)];
const buffer = (...values: number[]) => Uint8Array.from(values).buffer;

/** A browser that has WebAuthn but none of the JSON conversions. */
beforeEach(() => vi.stubGlobal('PublicKeyCredential', class {}));
afterEach(() => vi.unstubAllGlobals());

describe('in a browser without the conversions of the standard', () => {
  it('the options of a new passkey get bytes where the server wrote base64url', () => {
    const options = creationOptions({
      challenge: CHALLENGE,
      rp: { id: 'localhost', name: 'Wardroom' },
      user: { id: 'AQI', name: 'ada@example.test', displayName: 'Ada' },
      pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
      excludeCredentials: [{ id: 'Aw', type: 'public-key', transports: ['internal'] }],
    });
    expect(bytes(options.challenge)).toEqual([0xfb, 0xff, 0, 1]);
    expect(bytes(options.user.id)).toEqual([1, 2]);
    expect(options.excludeCredentials?.map(({ id, transports }) => [bytes(id), transports])).toEqual([[[3], ['internal']]]);
    expect(options.rp.id).toBe('localhost');
  });

  it('the options of a sign-in without named passkeys allow every one', () => {
    const options = requestOptions({ challenge: CHALLENGE, rpId: 'localhost', userVerification: 'required' });
    expect(options.allowCredentials).toEqual([]);
    expect(options.userVerification).toBe('required');
  });

  it('what the device answers becomes base64url without padding', () => {
    const frame = { id: 'AwQ', rawId: buffer(3, 4), type: 'public-key' };
    const made = { ...frame, response: { clientDataJSON: buffer(0xfb, 0xff), attestationObject: buffer(1), getTransports: () => ['usb'] } };
    expect(registrationOf(made as never)).toMatchObject({
      rawId: 'AwQ',
      response: { clientDataJSON: '-_8', attestationObject: 'AQ', transports: ['usb'] },
    });
    const signed = { ...frame, response: { clientDataJSON: buffer(1), authenticatorData: buffer(2), signature: buffer(3), userHandle: null } };
    const answer = assertionOf(signed as never);
    expect(answer).toMatchObject({ type: 'public-key', response: { authenticatorData: 'Ag', signature: 'Aw' } });
    expect(answer.response).not.toHaveProperty('userHandle');
  });
});

describe('a device that says no', () => {
  const options = { challenge: CHALLENGE, rp: { name: 'W' }, user: { id: 'AQ', name: 'a', displayName: 'a' }, pubKeyCredParams: [] };
  const refusing = (name: string) => {
    const refuse = () => Promise.reject(new DOMException('no', name));
    vi.stubGlobal('navigator', { credentials: { create: refuse, get: refuse } });
  };

  it.each([
    ['NotAllowedError', 'cancelled'],
    ['InvalidStateError', 'known'],
    ['SecurityError', 'address'],
    ['UnknownError', 'failed'],
  ])('with %s is explained as %s', async (name, kind) => {
    refusing(name);
    await expect(makePasskey(options)).rejects.toMatchObject({ kind });
  });

  it('because the page gave up stays an abort, which nobody is told about', async () => {
    refusing('AbortError');
    await expect(usePasskey({ challenge: CHALLENGE })).rejects.toMatchObject({ name: 'AbortError' });
  });
});
