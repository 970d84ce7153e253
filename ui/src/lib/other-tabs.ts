/** What the tabs of one browser tell each other: they share the session's cookie, but not what they show. */

/** Somebody signed in, or out. Who it is, each tab asks the server. */
export type News = 'in' | 'out';

/** Not in every browser a page can be opened in; then a tab finds out with its next request. */
const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('session');

export function tellOtherTabs(news: News): void {
  channel?.postMessage(news);
}

/** There is one listener; the last one set wins. */
export function whenAnotherTabTells(listener: (news: News) => void): void {
  if (!channel) return;
  channel.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (data === 'in' || data === 'out') listener(data);
  };
}
