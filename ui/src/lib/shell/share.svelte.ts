/** The chat somebody asked to share. */
export interface Shareable {
  id: string;
  title: string;
}

export class Share {
  chat = $state.raw<Shareable | null>(null);

  ask(chat: Shareable): void {
    this.chat = chat;
  }

  forget(): void {
    this.chat = null;
  }
}

export const share = new Share();
