import preset from '../../jest.preset.mjs';

export default { ...preset, globalSetup: '<rootDir>/../store/test/global-setup.mjs' };
