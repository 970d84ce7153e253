/** The chats that a person has shared, as many pages of them as were asked for. */
import { Remote } from '$lib/admin/remote.svelte';
import { sharing, type SharedTitle } from '$lib/api/sharing';

/** What the server returns per page. */
const PAGE = 60;

export class SharedChats {
  list = new Remote<SharedTitle[]>();
  hasMore = $state(false);
  #pages = 1;

  /** Fetches every page that is shown, so that a link that was taken back leaves no gap. */
  async load(): Promise<void> {
    await this.list.load(async () => {
      const numbers = Array.from({ length: this.#pages }, (_, index) => index + 1);
      const pages = await Promise.all(numbers.map(sharing.mine));
      this.hasMore = pages[pages.length - 1]?.length === PAGE;
      return pages.flat();
    });
  }

  async loadMore(): Promise<void> {
    this.#pages += 1;
    await this.load();
  }

  async end(chat: SharedTitle): Promise<void> {
    await sharing.unshare(chat.id);
    await this.load();
  }
}
