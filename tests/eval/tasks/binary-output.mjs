// Bytes that are no text: in as base64, out as base64.
import assert from 'node:assert/strict';

export async function run(agent) {
  const bytes = Buffer.from(Array.from({ length: 96 }, (_, i) => 255 - i));
  const files = [{ path: 'in.bin', content_base64: bytes.toString('base64') }];
  const raw = await agent.fine({ command: ['cat', 'in.bin'], files });
  raw.find(/\ufffd/); // not what it was: the agent asks for base64
  const reply = await agent.fine({ command: ['bash', '-c', 'tac -rs . in.bin >/dev/null; rev() { python3 -c "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])"; }; rev < in.bin | base64 -w0'], files });
  const back = Buffer.from(reply.find(/stdout:\n([\w+/=]+)/), 'base64');
  assert.deepEqual(back, Buffer.from(bytes).reverse());
}
