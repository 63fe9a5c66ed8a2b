import preset from '../../jest.preset.mjs';

// A machine that runs in UTC hides what was read in its own time.
process.env.TZ = 'Pacific/Auckland';

export default { ...preset };
