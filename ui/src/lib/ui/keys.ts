/** How keys are called on this machine. `mod` is ⌘ on Apple's machines and Ctrl on all others. */
export const isApple = /mac|iphone|ipad/i.test(navigator.platform);

const APPLE: Record<string, string> = { mod: '⌘', shift: '⇧', escape: 'Esc', arrowup: '↑' };
const OTHERS: Record<string, string> = { mod: 'Ctrl', shift: 'Shift', escape: 'Esc', arrowup: '↑' };

/** "mod+shift+o" as it is printed on the keys. */
export function keyLabel(keys: string): string {
  const names = isApple ? APPLE : OTHERS;
  const parts = keys.split('+').map((key) => names[key] ?? (key.length === 1 ? key.toUpperCase() : key));
  return parts.join(isApple ? '' : '+');
}
