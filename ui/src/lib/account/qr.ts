/**
 * A QR code as one SVG path, drawn in this page: the secret in it is shown to nobody else. `qr` (no dependencies of its
 * own) does the encoding, because error correction and masking are no thing to write twice.
 */
import encodeQR from 'qr';

/** Light modules around the code; ISO/IEC 18004 wants four. */
const QUIET = 4;

export interface QrPath {
  /** Modules on each side, the quiet ones included. */
  side: number;
  /** The dark modules, for the `d` of a path in a square of `side` units. */
  path: string;
}

export function qrPath(text: string): QrPath {
  const rows = encodeQR(text, 'raw', { ecc: 'medium', border: QUIET });
  const path = rows.flatMap((row, y) => darkRuns(row).map(([x, length]) => `M${x} ${y}h${length}v1h-${length}z`)).join('');
  return { side: rows.length, path };
}

/** Where dark modules begin and how many follow each other. */
function darkRuns(row: readonly boolean[]): [number, number][] {
  const runs: [number, number][] = [];
  row.forEach((isDark, x) => {
    const last = runs[runs.length - 1];
    if (!isDark) return;
    if (last && last[0] + last[1] === x) last[1] += 1;
    else runs.push([x, 1]);
  });
  return runs;
}
