/** Links to chats, and who among the administrators has looked at one. */
import { api, need, type Schema } from './client';

export type SharedTitle = Schema<'SharedTitle'>;
export type AdminRead = Schema<'ChatReading'>;
/** A copy's `chat` is passed on as it was made, so the description leaves its shape open; ours is that of a chat. */
export type SharedChat = Omit<Schema<'SharedChat'>, 'chat'> & { chat: Pick<Schema<'Chat'>['chat'], 'history'> };

export const sharing = {
  /** Makes the link, or brings what it shows up to date. */
  share: (id: string) => need(api.POST('/api/v1/chats/{id}/share', { params: { path: { id } } })),
  unshare: (id: string) => need(api.DELETE('/api/v1/chats/{id}/share', { params: { path: { id } } })),
  read: (share_id: string): Promise<SharedChat> =>
    need(api.GET('/api/v1/chats/share/{share_id}', { params: { path: { share_id } } }) as Promise<{ data?: SharedChat; response: Response }>),
  /** The latest first, sixty a page; pages count from 1. */
  mine: (page: number) => need(api.GET('/api/v1/chats/shared', { params: { query: { page } } })),
  reads: (id: string) => need(api.GET('/api/v1/chats/{id}/access-log', { params: { path: { id } } })),
};
