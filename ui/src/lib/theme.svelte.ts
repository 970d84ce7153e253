/** Light, dark or as the system says. `public/theme.js` applies the saved choice before the first paint. */
import { readText, writeText } from './storage';

export type ThemeChoice = 'system' | 'light' | 'dark';

const KEY = 'theme';

export class Theme {
  choice = $state<ThemeChoice>(saved());

  choose(choice: ThemeChoice): void {
    this.choice = choice;
    writeText(KEY, choice === 'system' ? null : choice);
    if (choice === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
  }
}

function saved(): ThemeChoice {
  const value = readText(KEY);
  return value === 'light' || value === 'dark' ? value : 'system';
}

export const theme = new Theme();
