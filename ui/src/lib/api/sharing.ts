/** Links to chats, and who among the administrators has looked at one. */
import type { Schema } from './client';
import { ask, path } from './direct';

export interface SharedTitle {
  id: string;
  title: string;
  share_id: string | null;
  updated_at: number;
  created_at: number;
}

export interface AdminRead {
  /** Unix seconds. */
  at: number;
  admin: { id: string; name: string };
}

type Chat = Schema<'Chat'>;

export const sharing = {
  /** Makes the link, or brings what it shows up to date. */
  share: (id: string) => ask<Chat & { share_id: string }>('POST', path`/api/v1/chats/${id}/share`),
  unshare: (id: string) => ask<boolean>('DELETE', path`/api/v1/chats/${id}/share`),
  /** The chat as it was when it was shared. */
  read: (shareId: string) => ask<Chat>('GET', path`/api/v1/chats/share/${shareId}`),
  mine: () => ask<SharedTitle[]>('GET', '/api/v1/chats/shared'),
  reads: (id: string) => ask<{ items: AdminRead[] }>('GET', path`/api/v1/chats/${id}/access-log`),
};
