import { authenticate, byPassword, callKeystone, type Cloud, type Person } from './cloud.js';

/** Grants a user a role in their project, or revokes it, which invalidates their tokens. */
async function assign(
  method: string,
  { authUrl, people }: Cloud,
  person: Person,
  role: string,
): Promise<void> {
  const token = await authenticate(authUrl, byPassword(people.admin), { system: { all: true } });
  const response = await callKeystone(`${authUrl}/roles?name=${role}`, 'GET', token);
  const { roles } = (await response.json()) as { roles: { id: string }[] };
  const url = `${authUrl}/projects/${person.projectId}/users/${person.userId}/roles/${roles[0]!.id}`;
  const { status } = await callKeystone(url, method, token);
  if (status !== 204) throw new Error(`${method} ${url}: ${status}`);
}

export function grantRole(cloud: Cloud, person: Person, role: string): Promise<void> {
  return assign('PUT', cloud, person, role);
}

export function revokeRole(cloud: Cloud, person: Person, role: string): Promise<void> {
  return assign('DELETE', cloud, person, role);
}
