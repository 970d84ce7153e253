/** Getting in: the password, then perhaps a second step, or a passkey alone. */
import { asDescribed, type PasskeyProof } from '$lib/webauthn';
import { api, need, type Schema } from './client';

export type SecondStep = Schema<'SecondStepMethod'>;
/** The password was right, and something else is wanted. */
export type NextStep = Schema<'SignInStep'>;
export type SignInAnswer = Schema<'SignedIn'>;

export function isNextStep(answer: SignInAnswer): answer is NextStep {
  return 'next_step' in answer;
}

/** Left out of a request when there is no sign-in under way. */
const under = (challenge_token: string | undefined) => (challenge_token === undefined ? {} : { challenge_token });

export const signIn = {
  password: (credentials: Schema<'SignIn'>) => need(api.POST('/api/v1/auths/signin', { body: credentials })),
  signUp: (account: Schema<'SignUp'>) => need(api.POST('/api/v1/auths/signup', { body: account })),
  code: (challenge_token: string, code: string) => need(api.POST('/api/v1/auths/mfa/verify', { body: { challenge_token, code } })),
  recover: (challenge_token: string, code: string) => need(api.POST('/api/v1/auths/mfa/recover', { body: { challenge_token, code } })),

  /** With the token of a sign-in under way, only passkeys of that account are asked for. */
  startPasskey: (challenge_token?: string) => need(api.POST('/api/v1/auths/passkeys/signin/start', { body: under(challenge_token) })),
  finishPasskey: (challenge_id: string, credential: PasskeyProof, challenge_token?: string) =>
    need(
      api.POST('/api/v1/auths/passkeys/signin/finish', {
        body: { challenge_id, credential: asDescribed(credential), ...under(challenge_token) },
      }),
    ),

  startAuthenticator: (challenge_token: string) => need(api.POST('/api/v1/auths/mfa/enroll/start', { body: { challenge_token } })),
  confirmAuthenticator: (challenge_token: string, code: string) =>
    need(api.POST('/api/v1/auths/mfa/enroll/confirm', { body: { challenge_token, code } })),
};
