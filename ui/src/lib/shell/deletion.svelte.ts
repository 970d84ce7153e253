/** The chat somebody asked to delete, until they confirm or think better of it. */
import type { ChatTitle } from '$lib/chat/groups';

export class Deletion {
  chat = $state.raw<ChatTitle | null>(null);

  ask(chat: ChatTitle): void {
    this.chat = chat;
  }

  forget(): void {
    this.chat = null;
  }
}

export const deletion = new Deletion();
