import TestRunner from 'jest-runner';

/** Runs spec files one after the other, while no other runner has one. */
export default class AloneRunner extends TestRunner {
  isSerial = true;
}
