// A download fails; the answer says that no argument helps, and the data goes in with the call.
import assert from 'node:assert/strict';

const code = (open) => `import sys, json\n${open}\nprint("total", sum(json.load(f)))\n`;

export async function run(agent) {
  const download = 'import urllib.request\nsys.tracebacklimit = 0\nf = urllib.request.urlopen("http://data.example/numbers.json")';
  const failed = await agent.fine({ language: 'python', code: code(download) });
  assert.equal(failed.find(/exit code: (\d+)/), '1');
  failed.advice(/there is no network here, and no argument opens one/);
  const way = failed.advice(/pass what it needs in `(\w+)`/);
  assert.equal(way, 'files');
  const given = await agent.fine({ language: 'python', code: code('f = open("numbers.json")'), [way]: [{ path: 'numbers.json', content: '[1, 2, 39]' }] });
  assert.equal(given.find(/^total (\d+)$/m), '42');
}
