/** Answers for some permissions while they are being changed: what was saved, and what differs from it. */
import type { PermissionTree } from '$lib/api/permissions';
import { pathsOf, valueIn, withValue } from './catalogue';

export class PermissionDraft {
  #changes = $state<Record<string, boolean>>({});
  readonly saved: PermissionTree;

  constructor(saved: PermissionTree) {
    this.saved = saved;
  }

  value(path: string): boolean {
    return this.#changes[path] ?? valueIn(this.saved, path);
  }

  isChanged(path: string): boolean {
    return path in this.#changes;
  }

  set(path: string, value: boolean): void {
    if (value === valueIn(this.saved, path)) delete this.#changes[path];
    else this.#changes[path] = value;
  }

  get count(): number {
    return Object.keys(this.#changes).length;
  }

  discard(): void {
    this.#changes = {};
  }

  /** The changes alone. */
  changes(): PermissionTree {
    return Object.entries(this.#changes).reduce((tree: PermissionTree, [path, value]) => withValue(tree, path, value), {});
  }

  /** What was saved, with the changes in it. */
  tree(): PermissionTree {
    return Object.entries(this.#changes).reduce((tree, [path, value]) => withValue(tree, path, value), this.saved);
  }

  /** Only what is given: what a group does not give, it does not decide. */
  given(): PermissionTree {
    const tree = this.tree();
    return pathsOf(tree)
      .filter((path) => valueIn(tree, path))
      .reduce((given: PermissionTree, path) => withValue(given, path, true), {});
  }
}
