/** Plots as SVG: lines on axes that may be logarithmic. */
const WIDTH = 720;
const HEIGHT = 360;
const LEFT = 64;
const RIGHT = 200;
const TOP = 40;
const BOTTOM = 48;
const COLOURS = ['#1f6feb', '#d1572a', '#2da44e', '#8250df', '#bf8700', '#57606a'];

const escape = (text) => String(text).replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
const round = (number) => Number(number.toFixed(1));

/** Turns values into places between two pixels, and says where ticks go. */
function scale({ log, fromZero }, values, from, to) {
  const of = log ? Math.log10 : (value) => value;
  const low = fromZero ? 0 : of(Math.min(...values));
  const high = of(Math.max(...values)) || 1;
  const span = high - low || 1;
  const place = (value) => round(from + ((of(value) - low) / span) * (to - from));
  const ticks = log
    ? Array.from({ length: Math.floor(high) - Math.ceil(low) + 1 }, (_, at) => 10 ** (Math.ceil(low) + at))
    : Array.from({ length: 5 }, (_, at) => low + (span * at) / 4);
  return { place, ticks };
}

function shownTick(value) {
  if (value >= 1_000_000) return `${value / 1_000_000} M`;
  if (value >= 10_000) return `${value / 1_000} k`;
  return String(Number(value.toPrecision(3)));
}

/**
 * @param {{title: string, x: object, y: object, series: Record<string, [number, number][]>}} plot axes have a `label`,
 *   and may be `log` or `fromZero`
 * @returns {string} the SVG
 */
export function draw({ title, x, y, series }) {
  const drawn = Object.entries(series).map(([name, points]) => [
    name,
    points.filter((p) => p.every(Number.isFinite)),
  ]);
  const points = drawn.flatMap(([, all]) => all);
  const across = scale(
    x,
    points.map(([value]) => value),
    LEFT,
    WIDTH - RIGHT,
  );
  const up = scale(
    y,
    points.map(([, value]) => value),
    HEIGHT - BOTTOM,
    TOP,
  );
  const text = (at, down, content, more = '') =>
    `<text x="${at}" y="${down}" ${more}>${escape(content)}</text>`;
  const parts = [
    text(LEFT, 24, title, 'font-weight="bold"'),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x.label, 'text-anchor="middle"'),
    text(14, TOP - 8, y.label),
    ...across.ticks.map((tick) =>
      text(across.place(tick), HEIGHT - BOTTOM + 16, shownTick(tick), 'text-anchor="middle"'),
    ),
    ...up.ticks.flatMap((tick) => [
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${up.place(tick)}" y2="${up.place(tick)}" stroke="#d0d7de"/>`,
      text(LEFT - 6, up.place(tick) + 4, shownTick(tick), 'text-anchor="end"'),
    ]),
    ...drawn.flatMap(([name, all], at) => {
      const colour = COLOURS[at % COLOURS.length];
      const line = all.map(([a, b]) => `${across.place(a)},${up.place(b)}`).join(' ');
      return [
        `<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        text(WIDTH - RIGHT + 12, TOP + 12 + at * 18, name, `fill="${colour}"`),
      ];
    }),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}
