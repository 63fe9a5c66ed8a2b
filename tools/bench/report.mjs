/** Results for people, on the terminal and as a page with plots, and for programs, as JSON. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { shown } from './numbers.mjs';
import { draw } from './plot.mjs';
import { canPin } from './processes.mjs';

const FOLDER = fileURLToPath(new URL('../../docs/benchmarks', import.meta.url));

function targetOf({ atLeast, atMost }) {
  if (atLeast !== undefined) return `≥ ${atLeast}`;
  return atMost === undefined ? '' : `≤ ${atMost}`;
}

/** Whether a figure is where it should be, and how far from it otherwise. */
function verdictOf({ value, atLeast, atMost }) {
  const target = atLeast ?? atMost;
  if (target === undefined) return '';
  if (!Number.isFinite(value)) return 'missed: not everything was answered';
  if (atLeast === undefined ? value <= target : value >= target) return 'met';
  const off = target === 0 ? shown(value) : `${shown((Math.abs(value - target) / target) * 100)} %`;
  return `missed by ${off}`;
}

function lineOf(figure) {
  const { what, value, unit = '' } = figure;
  return [what, `${shown(value)} ${unit}`.trim(), targetOf(figure), verdictOf(figure)];
}

/** Prints the figures of all rows, and why a row did not run. */
export function printFigures(results) {
  const lines = results.flatMap(({ title, failed, skipped, figures = [] }) => {
    if (failed) return [[`${title}: did not run`, '', '', failed]];
    return skipped ? [[`${title}: SKIPPED`, '', '', skipped]] : figures.map(lineOf);
  });
  const widths = [0, 1, 2].map((at) => Math.max(...lines.map((line) => line[at].length)));
  for (const line of lines) console.log(line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  '));
}

function table(columns, lines) {
  const row = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [row(columns), row(columns.map((_, at) => (at === 0 ? '---' : '--:'))), ...lines.map(row)].join(
    '\n',
  );
}

function section({ name, title, failed, skipped, figures = [], tables = [], plots = [] }, base) {
  if (failed) return `## ${title}\n\nDid not run: ${failed}\n`;
  if (skipped) return `## ${title}\n\nSkipped: ${skipped}\n`;
  const pictures = plots.map((plot, at) => {
    const file = `${base}-${name}${at === 0 ? '' : `-${at + 1}`}.svg`;
    writeFileSync(join(FOLDER, file), draw(plot));
    return `![${plot.title}](${file})`;
  });
  const parts = [
    table(['', 'measured', 'target', ''], figures.map(lineOf)),
    ...tables.map(({ columns, lines }) => table(columns, lines)),
    ...pictures,
  ];
  return `## ${title}\n\n${parts.join('\n\n')}\n`;
}

/** Writes the report of a run: a page, its plots and its JSON, named by the Node that ran the servers. */
export function writeReport(results, { version, minutes, options }) {
  mkdirSync(FOLDER, { recursive: true });
  const base = `node-${version.split('.')[0]}`;
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const [{ model }] = cpus();
  const machine = `${cpus().length} × ${model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const run = {
    node: version,
    commit,
    date: new Date().toISOString().slice(0, 10),
    machine,
    minutes,
    options,
  };
  writeFileSync(join(FOLDER, `${base}.json`), `${JSON.stringify({ ...run, results }, null, 1)}\n`);
  const all = results.flatMap(({ figures = [] }) => figures.filter((figure) => targetOf(figure)));
  const page = [
    `# Node ${version.split('.')[0]}`,
    `Node ${version}, commit ${commit}, ${run.date}, ${machine}, ${canPin ? 'servers on a core of their own' : 'nothing pinned to cores'}, ${options.rounds} rounds, ${shown(minutes)} minutes. [How to read this](README.md). All of it as [JSON](${base}.json).`,
    table(['target', 'measured', '', ''], all.map(lineOf)),
    ...results.map((result) => section(result, base)),
  ];
  writeFileSync(join(FOLDER, `${base}.md`), page.join('\n\n'));
  console.log(`\n${join('docs/benchmarks', `${base}.md`)}`);
}
