/** The follower of `npm start`. It ends with the service, however that ends. */
import { fileURLToPath } from 'node:url';
import { endWithParent } from './parent.mjs';

endWithParent();
process.argv.splice(2, Infinity, 'follow');
await import(fileURLToPath(new URL('../apps/images/dist/main.js', import.meta.url)));
process.exit();
