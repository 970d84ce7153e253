/** Every page of the UI, loaded when first needed. */
import type { Route } from '$lib/router.svelte';

const chatLayout = () => import('$lib/shell/ChatShell.svelte');
const adminLayout = () => import('$lib/shell/AdminShell.svelte');
const chat = () => import('./chat/Chat.svelte');

export const routes: Route[] = [
  { path: '/', title: 'New chat', access: 'person', load: chat, layout: chatLayout },
  { path: '/c/:id', title: 'Chat', access: 'person', load: chat, layout: chatLayout },
  { path: '/login', title: 'Sign in', access: 'anonymous', load: () => import('./auth/Login.svelte') },
  { path: '/signup', title: 'Create an account', access: 'anonymous', load: () => import('./auth/SignUp.svelte') },
  { path: '/pending', title: 'Waiting for approval', access: 'pending', load: () => import('./auth/Pending.svelte') },
  { path: '/admin/users', title: 'Users', access: 'admin', load: () => import('./admin/Users.svelte'), layout: adminLayout },
  {
    path: '/admin/connections',
    title: 'Connections',
    access: 'admin',
    load: () => import('./admin/Connections.svelte'),
    layout: adminLayout,
  },
  { path: '/admin/models', title: 'Models', access: 'admin', load: () => import('./admin/Models.svelte'), layout: adminLayout },
  { path: '/admin/keys', title: 'Virtual keys', access: 'admin', load: () => import('./admin/Keys.svelte'), layout: adminLayout },
];

export const notFound: Route = {
  path: '*',
  title: 'Not found',
  access: 'anybody',
  load: () => import('./NotFound.svelte'),
};
