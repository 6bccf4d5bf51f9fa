// The figures of a run against those of the baseline.

// More bytes than this share above the baseline are a change for the worse.
const tolerance = 0.05;

const bytes = ['text', 'structure', 'tools', 'instructions'];

// What got worse, in words; empty: nothing. Both are objects of figures by task. Tasks that were
// skipped are not in `now`, and nothing is said of them.
export function worse(now, baseline) {
  const complaints = [];
  for (const [task, figures] of Object.entries(now)) {
    const before = baseline[task];
    if (!before) {
      complaints.push(`${task}: not in the baseline`);
      continue;
    }
    if (figures.failed) complaints.push(`${task}: failed: ${figures.failed}`);
    if (figures.calls > before.calls) complaints.push(`${task}: ${figures.calls} calls, ${before.calls} before`);
    for (const kind of bytes) {
      if (figures[kind] > before[kind] * (1 + tolerance)) {
        complaints.push(`${task}: ${figures[kind]} bytes of ${kind}, ${before[kind]} before`);
      }
    }
  }
  return complaints;
}

// In the baseline and no longer there.
export const lost = (names, baseline) => Object.keys(baseline).filter((task) => !names.includes(task));

const columns = ['calls', 'text', 'structure'];

export function row(task, figures) {
  if (figures.skipped) return `${task.padEnd(28)} skipped: ${figures.skipped}`;
  const numbers = columns.map((column) => String(figures[column]).padStart(9)).join(' ');
  const errors = figures.errors.length === 0 ? '-' : figures.errors.join(',');
  return `${task.padEnd(28)} ${numbers}  ${figures.failed ? 'FAILED' : 'ok    '}  ${errors}`;
}

export const heading = `${'task'.padEnd(28)} ${columns.map((c) => c.padStart(9)).join(' ')}  end     errors met`;

export function total(all) {
  const ran = all.filter((figures) => !figures.skipped);
  const sum = (column) => ran.reduce((so_far, figures) => so_far + figures[column], 0);
  return {
    calls: sum('calls'),
    text: sum('text'),
    structure: sum('structure'),
    errors: [`${ran.reduce((n, figures) => n + figures.errors.length, 0)} in all`],
    failed: ran.some((figures) => figures.failed),
  };
}
