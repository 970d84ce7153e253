/**
 * The JSON forms of WebAuthn (level 3, 5.1.8 to 5.1.10) for browsers before 2025, which do not bring the conversions.
 */
import type { CredentialFrame, NewPasskey, PasskeyProof } from './webauthn';

/** The server's options with bytes where it wrote base64url. */
export function creationOptions(options: PublicKeyCredentialCreationOptionsJSON): PublicKeyCredentialCreationOptions {
  const { challenge, user, excludeCredentials, extensions: _none, ...rest } = options;
  return {
    ...(rest as Omit<PublicKeyCredentialCreationOptions, 'challenge' | 'user'>),
    challenge: bytesOf(challenge),
    user: { ...user, id: bytesOf(user.id) },
    excludeCredentials: (excludeCredentials ?? []).map(descriptor),
  };
}

export function requestOptions(options: PublicKeyCredentialRequestOptionsJSON): PublicKeyCredentialRequestOptions {
  const { challenge, allowCredentials, extensions: _none, ...rest } = options;
  return {
    ...(rest as Omit<PublicKeyCredentialRequestOptions, 'challenge'>),
    challenge: bytesOf(challenge),
    allowCredentials: (allowCredentials ?? []).map(descriptor),
  };
}

function descriptor(known: PublicKeyCredentialDescriptorJSON): PublicKeyCredentialDescriptor {
  const { id, type, transports } = known;
  const described: PublicKeyCredentialDescriptor = { id: bytesOf(id), type: type as PublicKeyCredentialType };
  return transports ? { ...described, transports: transports as AuthenticatorTransport[] } : described;
}

export function registrationOf(credential: PublicKeyCredential): NewPasskey {
  const response = credential.response as AuthenticatorAttestationResponse;
  return {
    ...frame(credential),
    response: {
      clientDataJSON: textOf(response.clientDataJSON),
      attestationObject: textOf(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
  };
}

export function assertionOf(credential: PublicKeyCredential): PasskeyProof {
  const response = credential.response as AuthenticatorAssertionResponse;
  return {
    ...frame(credential),
    response: {
      clientDataJSON: textOf(response.clientDataJSON),
      authenticatorData: textOf(response.authenticatorData),
      signature: textOf(response.signature),
      ...(response.userHandle ? { userHandle: textOf(response.userHandle) } : {}),
    },
  };
}

function frame(credential: PublicKeyCredential): CredentialFrame {
  return { id: credential.id, rawId: textOf(credential.rawId), type: credential.type, clientExtensionResults: {} };
}

/** Base64url without padding, as RFC 4648 section 5 has it. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function textOf(bytes: ArrayBuffer): string {
  const binary = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
