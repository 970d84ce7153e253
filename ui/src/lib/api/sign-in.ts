/** Getting in: the password, then perhaps a second step, or a passkey alone. */
import type { PasskeyProof } from '$lib/webauthn';
import { api, need, type Schema } from './client';
import { ask } from './direct';
import type { AuthenticatorSeed } from './own-account';

export type SecondStep = 'totp' | 'recovery' | 'passkey';

/** The password was right, and something else is wanted. */
export interface NextStep {
  /** `enroll`: the server wants a second step from everybody, and this account has none yet. */
  next_step: 'verify' | 'enroll';
  /** Good for the next step of this sign-in alone. */
  challenge_token: string;
  /** Seconds. */
  expires_in: number;
  methods?: SecondStep[];
}

export type SignInAnswer = Schema<'Session'> | NextStep;

interface PasskeyChallenge {
  challenge_id: string;
  options: PublicKeyCredentialRequestOptionsJSON;
}

export function isNextStep(answer: SignInAnswer): answer is NextStep {
  return 'next_step' in answer && typeof answer.next_step === 'string';
}

export const signIn = {
  password: (credentials: Schema<'SignIn'>) =>
    need<SignInAnswer>(api.POST('/api/v1/auths/signin', { body: credentials }) as Promise<{ data?: SignInAnswer; response: Response }>),
  code: (challenge_token: string, code: string) => ask<Schema<'Session'>>('POST', '/api/v1/auths/mfa/verify', { challenge_token, code }),
  recover: (challenge_token: string, code: string) => ask<Schema<'Session'>>('POST', '/api/v1/auths/mfa/recover', { challenge_token, code }),

  /** With the token of a sign-in under way, only passkeys of that account are asked for. */
  startPasskey: (challenge_token?: string) =>
    ask<PasskeyChallenge>('POST', '/api/v1/auths/passkeys/signin/start', challenge_token === undefined ? {} : { challenge_token }),
  finishPasskey: (challenge_id: string, credential: PasskeyProof, challenge_token?: string) =>
    ask<Schema<'Session'>>('POST', '/api/v1/auths/passkeys/signin/finish', {
      challenge_id,
      credential,
      ...(challenge_token === undefined ? {} : { challenge_token }),
    }),

  startAuthenticator: (challenge_token: string) => ask<AuthenticatorSeed>('POST', '/api/v1/auths/mfa/enroll/start', { challenge_token }),
  confirmAuthenticator: (challenge_token: string, code: string) =>
    ask<{ recovery_codes: string[] }>('POST', '/api/v1/auths/mfa/enroll/confirm', { challenge_token, code }),
};
