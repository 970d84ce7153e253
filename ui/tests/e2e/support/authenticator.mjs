/** A device that keeps passkeys, played by Chromium itself (the WebAuthn domain of its debugging protocol). */

/** @returns {Promise<{credentials: () => Promise<object[]>, unplug: () => Promise<void>}>} */
export async function plugIn(page) {
  const protocol = await page.context().newCDPSession(page);
  await protocol.send('WebAuthn.enable');
  const { authenticatorId } = await protocol.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    credentials: async () => (await protocol.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    unplug: () => protocol.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId }),
  };
}
