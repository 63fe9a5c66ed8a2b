import { authenticate, byPassword, callKeystone, type Cloud, type Person } from './cloud.js';

/** Gives somebody a role in their project, or takes it away; a token that they got before is then over. */
async function assign(
  method: string,
  { authUrl, people }: Cloud,
  person: Person,
  role: string,
): Promise<void> {
  const token = await authenticate(authUrl, byPassword(people.admin), { system: { all: true } });
  const answer = await callKeystone(`${authUrl}/roles?name=${role}`, 'GET', token);
  const { roles } = (await answer.json()) as { roles: { id: string }[] };
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
