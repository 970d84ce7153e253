import decodeQR from 'qr/decode.js';
import { describe, expect, it } from 'vitest';
import { qrPath } from './qr';

/** Paints the path as a camera would see it: four pixels for each module, black on white. */
function painted({ side, path }: { side: number; path: string }): { width: number; height: number; data: Uint8Array } {
  const scale = 4;
  const width = side * scale;
  const data = new Uint8Array(width * width * 4).fill(255);
  for (const [, x, y, length] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let row = 0; row < scale; row += 1) {
      const from = ((Number(y) * scale + row) * width + Number(x) * scale) * 4;
      for (let pixel = 0; pixel < Number(length) * scale; pixel += 1) data.fill(0, from + pixel * 4, from + pixel * 4 + 3);
    }
  }
  return { width, height: width, data };
}

describe('the code that an authenticator app scans', () => {
  it('reads as the address it was made from', () => {
    const address = 'otpauth://totp/Wardroom:ada%40example.test?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Wardroom&digits=6&period=30';
    expect(decodeQR(painted(qrPath(address)))).toBe(address);
  });
});
