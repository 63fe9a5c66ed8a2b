import preset from '../../jest.preset.mjs';

export default { ...preset, globalSetup: '<rootDir>/../../libs/store/test/global-setup.mjs' };
