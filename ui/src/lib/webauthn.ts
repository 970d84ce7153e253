/**
 * Passkeys: the browser's WebAuthn calls with the JSON forms that the server speaks. Knows no pages and no routes.
 */
import { ReadableError } from './api/client';

/** The person cancelled, or the device could not; the message says which. */
export class PasskeyError extends ReadableError {
  constructor(
    message: string,
    readonly kind: 'cancelled' | 'known' | 'address' | 'failed',
  ) {
    super(message);
    this.name = 'PasskeyError';
  }
}

export interface CredentialFrame {
  id: string;
  rawId: string;
  type: string;
  clientExtensionResults: Record<string, unknown>;
  authenticatorAttachment?: string;
}

/** `RegistrationResponseJSON` of the standard: what a device answers when it has made a passkey. Base64url throughout. */
export interface NewPasskey extends CredentialFrame {
  response: { clientDataJSON: string; attestationObject: string; transports?: string[] };
}

/** `AuthenticationResponseJSON` of the standard: a challenge signed with a passkey. Base64url throughout. */
export interface PasskeyProof extends CredentialFrame {
  response: { clientDataJSON: string; authenticatorData: string; signature: string; userHandle?: string };
}

/** What a device says is passed on as it is; the description leaves its shape to the standard. */
export function asDescribed(answer: NewPasskey | PasskeyProof): Record<string, never> {
  return answer as unknown as Record<string, never>;
}

/** Why passkeys cannot be used on this page, in words for the reader; `null` when they can. */
export function passkeyObstacle(): string | null {
  if (isAddress(location.hostname)) return 'Passkeys belong to a name. Open this server by its name instead of its IP address to use them.';
  if (!globalThis.isSecureContext) return 'Passkeys need an encrypted connection. Open the https:// address of this server to use them.';
  if (!('PublicKeyCredential' in globalThis)) return 'This browser does not know passkeys.';
  return null;
}

function isAddress(host: string): boolean {
  return host.startsWith('[') || /^\d+(\.\d+){3}$/.test(host);
}

/** Whether the browser can offer passkeys in the menu of a sign-in field. */
export async function canOfferInField(): Promise<boolean> {
  if (passkeyObstacle() !== null) return false;
  return (await PublicKeyCredential.isConditionalMediationAvailable?.()) ?? false;
}

/** Makes a passkey on a device of the person's choice. Throws `PasskeyError`. */
export async function makePasskey(options: PublicKeyCredentialCreationOptionsJSON): Promise<NewPasskey> {
  const json = await conversions();
  const publicKey = json ? json.creationOptions(options) : PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const credential = await settled(() => navigator.credentials.create({ publicKey }));
  return json ? json.registrationOf(credential) : (credential.toJSON() as NewPasskey);
}

export interface PasskeyUse {
  signal?: AbortSignal;
  /** `field` waits in the menu of an input with `autocomplete="webauthn"`; `dialog` asks at once. */
  asked?: 'field' | 'dialog';
}

/** Signs the server's challenge with a passkey. Throws `PasskeyError`, or `AbortError` when the signal says so. */
export async function usePasskey(options: PublicKeyCredentialRequestOptionsJSON, use: PasskeyUse = {}): Promise<PasskeyProof> {
  const json = await conversions();
  const publicKey = json ? json.requestOptions(options) : PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const mediation = use.asked === 'field' ? 'conditional' : 'optional';
  const credential = await settled(() => navigator.credentials.get({ publicKey, mediation, ...(use.signal ? { signal: use.signal } : {}) }));
  return json ? json.assertionOf(credential) : (credential.toJSON() as PasskeyProof);
}

/** Ours, where the browser lacks those of the standard. */
async function conversions(): Promise<typeof import('./webauthn-json') | null> {
  const { parseRequestOptionsFromJSON, prototype } = PublicKeyCredential;
  const isComplete = typeof parseRequestOptionsFromJSON === 'function' && typeof prototype.toJSON === 'function';
  return isComplete ? null : import('./webauthn-json');
}

async function settled(call: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const credential = await call();
    if (credential === null) throw new PasskeyError('The device did not give a passkey.', 'failed');
    return credential as PublicKeyCredential;
  } catch (cause) {
    if (cause instanceof PasskeyError) throw cause;
    throw readable(cause);
  }
}

function readable(cause: unknown): unknown {
  const name = cause instanceof DOMException ? cause.name : '';
  switch (name) {
    case 'AbortError':
      return cause;
    case 'NotAllowedError':
      return new PasskeyError('No passkey was used: it was cancelled, took too long, or this device has none.', 'cancelled');
    case 'InvalidStateError':
      return new PasskeyError('This device already has a passkey for this account.', 'known');
    case 'SecurityError':
      return new PasskeyError('Passkeys of this server do not work at this address. Open it at the address that it is set up for.', 'address');
    default:
      return new PasskeyError('The device could not use a passkey. Try again, or choose another way.', 'failed');
  }
}
