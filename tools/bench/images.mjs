/** Creates an image, and returns its id. @param {string} url of the Image API */
export async function createImage(url, token, attributes) {
  const answer = await fetch(`${url}/v2/images`, {
    method: 'POST',
    headers: { 'x-auth-token': token, 'content-type': 'application/json' },
    body: JSON.stringify({ container_format: 'bare', ...attributes }),
  });
  if (answer.status !== 201) throw new Error(`${url} creates no image: ${await answer.text()}`);
  return (await answer.json()).id;
}
