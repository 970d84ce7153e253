/** Links to chats, and who among the administrators has looked at one. */
import type { Schema } from './client';
import { ask, path } from './direct';

export interface SharedTitle {
  id: string;
  title: string;
  share_id: string;
  /** When the copy was made, Unix seconds. */
  updated_at: number;
  created_at: number;
}

export interface AdminRead {
  /** Unix seconds. */
  at: number;
  admin: { id: string; name: string };
}

type Chat = Schema<'Chat'>;

/** A chat as it was when it was shared. It says neither whose it is nor which chat it was. */
export interface SharedChat {
  title: string;
  chat: Pick<Chat['chat'], 'history'>;
  /** When the copy was made, Unix seconds. */
  updated_at: number;
}

export const sharing = {
  /** Makes the link, or brings what it shows up to date. */
  share: (id: string) => ask<Chat & { share_id: string }>('POST', path`/api/v1/chats/${id}/share`),
  unshare: (id: string) => ask<boolean>('DELETE', path`/api/v1/chats/${id}/share`),
  read: (shareId: string) => ask<SharedChat>('GET', path`/api/v1/chats/share/${shareId}`),
  /** The latest first, sixty a page; pages count from 1. */
  mine: (page: number) => ask<SharedTitle[]>('GET', `/api/v1/chats/shared?page=${page}`),
  reads: (id: string) => ask<{ items: AdminRead[] }>('GET', path`/api/v1/chats/${id}/access-log`),
};
