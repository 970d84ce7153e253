/** Every page of the UI, loaded when first needed. */
import type { Route } from '$lib/router.svelte';

const chatLayout = () => import('$lib/shell/ChatShell.svelte');
const adminLayout = () => import('$lib/shell/AdminShell.svelte');
const accountLayout = () => import('$lib/shell/AccountShell.svelte');
const chat = () => import('./chat/Chat.svelte');

export const routes: Route[] = [
  { path: '/', title: 'New chat', access: 'person', load: chat, layout: chatLayout },
  { path: '/c/:id', title: 'Chat', access: 'person', load: chat, layout: chatLayout },
  { path: '/login', title: 'Sign in', access: 'anonymous', load: () => import('./auth/Login.svelte') },
  { path: '/signup', title: 'Create an account', access: 'anonymous', load: () => import('./auth/SignUp.svelte') },
  { path: '/pending', title: 'Waiting for approval', access: 'pending', load: () => import('./auth/Pending.svelte') },
  { path: '/s/:id', title: 'Shared chat', access: 'person', load: () => import('./share/SharedChat.svelte') },
  { path: '/me', title: 'Profile', access: 'person', load: () => import('./account/Profile.svelte'), layout: accountLayout },
  { path: '/me/password', title: 'Password', access: 'person', load: () => import('./account/Password.svelte'), layout: accountLayout },
  { path: '/me/security', title: 'Two-step sign-in', access: 'person', load: () => import('./account/Security.svelte'), layout: accountLayout },
  { path: '/me/sessions', title: 'Sessions', access: 'person', load: () => import('./account/Sessions.svelte'), layout: accountLayout },
  { path: '/me/keys', title: 'API keys', access: 'person', load: () => import('./account/ApiKeys.svelte'), layout: accountLayout },
  { path: '/me/shared', title: 'Shared chats', access: 'person', load: () => import('./account/SharedChats.svelte'), layout: accountLayout },
  { path: '/admin/users', title: 'Users', access: 'admin', load: () => import('./admin/Users.svelte'), layout: adminLayout },
  { path: '/admin/users/:id', title: 'Person', access: 'admin', load: () => import('./admin/User.svelte'), layout: adminLayout },
  {
    path: '/admin/users/:id/chats/:chat',
    title: 'Chat of a person',
    access: 'admin',
    load: () => import('./admin/UserChat.svelte'),
    layout: adminLayout,
  },
  { path: '/admin/groups', title: 'Groups', access: 'admin', load: () => import('./admin/Groups.svelte'), layout: adminLayout },
  { path: '/admin/groups/:id', title: 'Group', access: 'admin', load: () => import('./admin/Group.svelte'), layout: adminLayout },
  { path: '/admin/permissions', title: 'Permissions', access: 'admin', load: () => import('./admin/Permissions.svelte'), layout: adminLayout },
  {
    path: '/admin/connections',
    title: 'Connections',
    access: 'admin',
    load: () => import('./admin/Connections.svelte'),
    layout: adminLayout,
  },
  { path: '/admin/models', title: 'Models', access: 'admin', load: () => import('./admin/Models.svelte'), layout: adminLayout },
  { path: '/admin/keys', title: 'Virtual keys', access: 'admin', load: () => import('./admin/Keys.svelte'), layout: adminLayout },
  { path: '/admin/audit', title: 'Audit log', access: 'admin', load: () => import('./admin/Audit.svelte'), layout: adminLayout },
  { path: '/admin/settings', title: 'Settings', access: 'admin', load: () => import('./admin/Settings.svelte'), layout: adminLayout },
];

export const notFound: Route = {
  path: '*',
  title: 'Not found',
  access: 'anybody',
  load: () => import('./NotFound.svelte'),
};
