import TestRunner from 'jest-runner';

/** Runs spec files one after the other, in a process of their own each, while no other runner has one. */
export default class AloneRunner extends TestRunner {
  constructor(globalConfig, context) {
    super({ ...globalConfig, maxWorkers: 1 }, context);
  }
}
