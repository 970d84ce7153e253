/** What a person does with their own account: name, password, sessions, second factor, passkeys, proof of who they are. */
import { asDescribed, type NewPasskey, type PasskeyProof } from '$lib/webauthn';
import { api, need, type Schema } from './client';

/** One place where the person is signed in. Times are Unix seconds. */
export type SignedInSession = Awaited<ReturnType<typeof ownAccount.sessions>>['items'][number];
export type FactorStatus = Schema<'FactorStatus'>;
export type Passkey = Schema<'Passkey'>;
export type ProofMethod = Schema<'ProofMethod'>;
export type AuthenticatorSeed = Schema<'AuthenticatorSeed'>;
export type Proof = { password: string } | { code: string } | { passkey: PasskeyProof };

export const ownAccount = {
  sessions: () => need(api.GET('/api/v1/auths/sessions')),
  endSession: (id: string) => need(api.DELETE('/api/v1/auths/sessions/{id}', { params: { path: { id } } })),
  /** How many were ended; this page stays signed in. */
  endOtherSessions: () => need(api.POST('/api/v1/auths/signout/all', { body: { keep_current: true } })),

  changePassword: (password: string, wanted: string) =>
    need(api.POST('/api/v1/auths/update/password', { body: { password, new_password: wanted } })),
  changeProfile: (change: { name?: string; profile_image_url?: string }) => need(api.POST('/api/v1/auths/update/profile', { body: change })),

  proofMethods: () => need(api.GET('/api/v1/auths/step-up')),
  prove: (proof: Proof) =>
    need(api.POST('/api/v1/auths/step-up', { body: 'passkey' in proof ? { passkey: asDescribed(proof.passkey) } : proof })),
  proofChallenge: () => need(api.POST('/api/v1/auths/passkeys/step-up/start')),

  factors: () => need(api.GET('/api/v1/auths/mfa/status')),
  startAuthenticator: () => need(api.POST('/api/v1/auths/mfa/enroll/start', { body: {} })),
  confirmAuthenticator: (code: string) => need(api.POST('/api/v1/auths/mfa/enroll/confirm', { body: { code } })),
  removeAuthenticator: () => need(api.DELETE('/api/v1/auths/mfa')),
  makeRecoveryCodes: () => need(api.POST('/api/v1/auths/mfa/recovery/codes')),

  passkeys: () => need(api.GET('/api/v1/auths/passkeys')),
  startPasskey: () => need(api.POST('/api/v1/auths/passkeys/register/start')),
  finishPasskey: (challenge_id: string, name: string, credential: NewPasskey) =>
    need(api.POST('/api/v1/auths/passkeys/register/finish', { body: { challenge_id, name, credential: asDescribed(credential) } })),
  renamePasskey: (id: string, name: string) => need(api.PATCH('/api/v1/auths/passkeys/{id}', { params: { path: { id } }, body: { name } })),
  removePasskey: (id: string) => need(api.DELETE('/api/v1/auths/passkeys/{id}', { params: { path: { id } } })),
};
