// A module and its tests are written and run in one call.
export async function run(agent) {
  const files = [
    { path: 'roman.py', content: 'def roman(n):\n    out = ""\n    for v, s in ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):\n        while n >= v:\n            out, n = out + s, n - v\n    return out\n' },
    { path: 'tests/test_roman.py', content: 'import unittest\nfrom roman import roman\n\nclass Roman(unittest.TestCase):\n    def test_some(self):\n        for n, s in ((4, "IV"), (19, "XIX"), (38, "XXXVIII")):\n            self.assertEqual(roman(n), s)\n' },
  ];
  const tested = await agent.fine({ command: ['python3', '-m', 'unittest', 'tests/test_roman.py'], files });
  tested.find(/exit code: 0/);
  tested.find(/^OK$/m);
}
