/** What a menu lists. */
import type { Component } from 'svelte';

export interface MenuEntry {
  label: string;
  run: () => unknown;
  icon?: Component<{ size?: number; 'aria-hidden'?: 'true' }>;
  tone?: 'plain' | 'danger';
  /** A line above it. */
  startsGroup?: boolean;
  /** Makes it one of several choices and says whether it is the chosen one; the menu then stays open. */
  checked?: boolean;
}
