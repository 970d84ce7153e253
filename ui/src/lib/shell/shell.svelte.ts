/** The frame around the pages: is the sidebar folded away, and on phones: is the drawer open. */
import { readFlag, writeFlag } from '$lib/storage';

const COLLAPSED = 'sidebar-collapsed';
/** Below this width the sidebar is a drawer. Keep in step with the media query in Frame.svelte. */
const PHONE = '(max-width: 56rem)';

export class Shell {
  collapsed = $state(readFlag(COLLAPSED));
  drawerOpen = $state(false);

  /** What ⌘B does: fold the sidebar, or open and close the drawer on a phone. */
  toggleSidebar(): void {
    if (matchMedia(PHONE).matches) {
      this.drawerOpen = !this.drawerOpen;
      return;
    }
    this.collapsed = !this.collapsed;
    writeFlag(COLLAPSED, this.collapsed);
  }

  /** Makes the sidebar visible, whichever form it has on this screen. */
  showSidebar(): void {
    if (matchMedia(PHONE).matches) this.drawerOpen = true;
    else if (this.collapsed) this.toggleSidebar();
  }

  openDrawer(): void {
    this.drawerOpen = true;
  }

  closeDrawer(): void {
    this.drawerOpen = false;
  }
}

export const shell = new Shell();
