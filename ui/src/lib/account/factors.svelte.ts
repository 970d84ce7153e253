/** What a person has besides the password: authenticator app, recovery codes, passkeys. */
import { Remote } from '$lib/admin/remote.svelte';
import { ownAccount, type FactorStatus, type Passkey } from '$lib/api/own-account';
import { makePasskey } from '$lib/webauthn';

export interface FactorsHeld extends Omit<FactorStatus, 'passkeys'> {
  passkeys: Passkey[];
}

export class Factors {
  held = new Remote<FactorsHeld>();

  async load(): Promise<void> {
    await this.held.load(async () => {
      const [status, { items }] = await Promise.all([ownAccount.factors(), ownAccount.passkeys()]);
      return { ...status, passkeys: items };
    });
  }

  async removeAuthenticator(): Promise<void> {
    await ownAccount.removeAuthenticator();
    await this.load();
  }

  /** Throws `PasskeyError` when the device does not want to, and `ApiError`. */
  async addPasskey(name: string): Promise<void> {
    const { challenge_id, options } = await ownAccount.startPasskey();
    await ownAccount.finishPasskey(challenge_id, name, await makePasskey(options as PublicKeyCredentialCreationOptionsJSON));
    await this.load();
  }

  async renamePasskey(id: string, name: string): Promise<void> {
    await ownAccount.renamePasskey(id, name);
    await this.load();
  }

  async removePasskey(id: string): Promise<void> {
    await ownAccount.removePasskey(id);
    await this.load();
  }
}
