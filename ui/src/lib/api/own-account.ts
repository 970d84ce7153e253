/** What a person does with their own account: name, password, sessions, second factor, passkeys, proof of who they are. */
import type { NewPasskey, PasskeyProof } from '$lib/webauthn';
import { ask, path } from './direct';

/** One place where the person is signed in. Times are Unix seconds. */
export interface SignedInSession {
  id: string;
  created_at: number;
  last_used_at: number;
  expires_at: number | null;
  address: string;
  /** "Firefox on Linux" */
  device: string;
  /** The session of this very page. */
  current: boolean;
}

export interface FactorStatus {
  enabled: boolean;
  totp: boolean;
  /** How many. */
  passkeys: number;
  recovery_codes_left: number;
  /** The server wants a second factor from everybody. */
  required: boolean;
}

export interface Passkey {
  id: string;
  name: string;
  created_at: number;
  last_used_at: number | null;
  /** Kept by a password manager or a cloud account, so the loss of one device does not lose it. */
  backed_up: boolean;
}

export type ProofMethod = 'password' | 'totp' | 'passkey';
export type Proof = { password: string } | { code: string } | { passkey: PasskeyProof };

export interface AuthenticatorSeed {
  /** Base32, for typing. */
  secret: string;
  otpauth_url: string;
}

interface Challenge<Options> {
  challenge_id: string;
  options: Options;
}

export const ownAccount = {
  sessions: () => ask<{ items: SignedInSession[] }>('GET', '/api/v1/auths/sessions'),
  endSession: (id: string) => ask<null>('DELETE', path`/api/v1/auths/sessions/${id}`),
  /** How many were ended; this page stays signed in. */
  endOtherSessions: () => ask<{ ended: number }>('POST', '/api/v1/auths/signout/all', { keep_current: true }),

  changePassword: (password: string, wanted: string) =>
    ask<boolean>('POST', '/api/v1/auths/update/password', { password, new_password: wanted }),
  changeProfile: (change: { name?: string; profile_image_url?: string }) => ask<unknown>('POST', '/api/v1/auths/update/profile', change),

  proofMethods: () => ask<{ confirmed_until: number | null; methods: ProofMethod[] }>('GET', '/api/v1/auths/step-up'),
  prove: (proof: Proof) => ask<{ confirmed_until: number }>('POST', '/api/v1/auths/step-up', proof),
  proofChallenge: () => ask<Challenge<PublicKeyCredentialRequestOptionsJSON>>('POST', '/api/v1/auths/passkeys/step-up/start', {}),

  factors: () => ask<FactorStatus>('GET', '/api/v1/auths/mfa/status'),
  startAuthenticator: () => ask<AuthenticatorSeed>('POST', '/api/v1/auths/mfa/enroll/start', {}),
  confirmAuthenticator: (code: string) => ask<{ recovery_codes: string[] }>('POST', '/api/v1/auths/mfa/enroll/confirm', { code }),
  removeAuthenticator: () => ask<null>('DELETE', '/api/v1/auths/mfa'),
  makeRecoveryCodes: () => ask<{ recovery_codes: string[] }>('POST', '/api/v1/auths/mfa/recovery/codes', {}),

  passkeys: () => ask<{ items: Passkey[] }>('GET', '/api/v1/auths/passkeys'),
  startPasskey: () => ask<Challenge<PublicKeyCredentialCreationOptionsJSON>>('POST', '/api/v1/auths/passkeys/register/start', {}),
  finishPasskey: (challenge_id: string, name: string, credential: NewPasskey) =>
    ask<Passkey>('POST', '/api/v1/auths/passkeys/register/finish', { challenge_id, name, credential }),
  renamePasskey: (id: string, name: string) => ask<Passkey>('PATCH', path`/api/v1/auths/passkeys/${id}`, { name }),
  removePasskey: (id: string) => ask<null>('DELETE', path`/api/v1/auths/passkeys/${id}`),
};
