import { describe, expect, it } from 'vitest';
import { matchRoute, type Route } from './router.svelte';

const load = () => Promise.reject(new Error('no page is loaded in these tests'));
const route = (path: string): Route => ({ path, title: path, access: 'anybody', load });
const routes = ['/', '/c/:id', '/admin/keys'].map(route);
const notFound = route('*');
const match = (pathname: string) => matchRoute(routes, notFound, pathname);

describe('an address', () => {
  it('names its page, with or without a slash at the end', () => {
    expect(match('/').route.path).toBe('/');
    expect(match('/admin/keys').route.path).toBe('/admin/keys');
    expect(match('/admin/keys/').route.path).toBe('/admin/keys');
  });

  it('gives its parameters decoded', () => {
    expect(match('/c/a%20b%2Fc')).toMatchObject({ route: { path: '/c/:id' }, params: { id: 'a b/c' } });
  });

  it('that names nothing is not found', () => {
    for (const path of ['/c', '/c/', '/c/1/2', '/admin', '/admin/keysx', '/C/1']) {
      expect(match(path).route, path).toBe(notFound);
    }
  });

  it('with a broken escape is not found instead of breaking the page', () => {
    expect(match('/c/%E0%A4%A').route).toBe(notFound);
  });
});
