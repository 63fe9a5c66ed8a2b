/** Reads in front of a source, which a follower keeps up with, beside the same reads of a catalogue of one's own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { peak } from '../load.mjs';
import { startServer } from '../processes.mjs';
import { shown } from '../numbers.mjs';
import { compare } from '../rounds.mjs';
import { IMAGES } from '../source.mjs';

export const name = 'mirror';
export const title = 'In front of a source';

const SOURCE = fileURLToPath(new URL('../source.mjs', import.meta.url));
const WARM_UP_S = 4;

/** Seconds until all images are here, at most. */
const FIRST_SYNC_DEADLINE_S = 60;

async function untilListed(server, token) {
  for (let second = 0; second < FIRST_SYNC_DEADLINE_S; second++) {
    const answer = await fetch(`${server.url}/v2.1/images?limit=1000`, {
      headers: { 'x-auth-token': token },
    });
    if (answer.ok) return (await answer.json()).images.map(({ id }) => id).slice(0, 100);
    await sleep(1000);
  }
  throw new Error(`the first full sync of ${IMAGES} images did not end within ${FIRST_SYNC_DEADLINE_S} s`);
}

export async function run(stage, { rounds }) {
  const url = await stage.database('mirror');
  const token = stage.token('none');
  const mirrored = { GLIMPSE_SOURCE: SOURCE };
  const follower = await startServer(
    [...stage.command(), 'follow'],
    { ...stage.settings(url), ...mirrored },
    /"event":"(follower-began)"/,
  );
  try {
    const first = await stage.startGlimpse(url, mirrored);
    const ids = await untilListed(first, token).finally(() => first.stop());
    const shows = ids.map((id) => `GET /v2.1/images/${id}`);
    const list = ['GET /v2.1/images/detail?limit=25'];
    const load = (server, requests, seconds, connections) =>
      peak(server, { folder: stage.folder, requests, token, seconds, connections });
    const contestant = (settings) => ({
      start: () => stage.startGlimpse(url, settings),
      async measure(server) {
        await load(server, shows, WARM_UP_S);
        const show = await load(server, shows, 2);
        await load(server, list, 1, 16);
        const page = await load(server, list, 2, 16);
        return { show: show.rate, list: page.rate };
      },
    });
    const of = await compare(
      { 'its own catalogue': contestant(), 'in front of a source': contestant(mirrored) },
      rounds,
    );
    const over = (what) => of('in front of a source', what).over('its own catalogue');
    return {
      figures: [
        { what: 'show, hot, in front of a source / of its own catalogue', value: over('show') },
        { what: 'detail list of 25, in front of a source / of its own catalogue', value: over('list') },
      ],
      tables: [
        {
          columns: ['requests/s', 'show, hot', 'detail list of 25'],
          lines: ['its own catalogue', 'in front of a source'].map((who) => [
            who,
            shown(of(who, 'show').median),
            shown(of(who, 'list').median),
          ]),
        },
      ],
    };
  } finally {
    await follower.stop();
  }
}
