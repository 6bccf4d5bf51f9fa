#include "tools/javascript_loader.h"

namespace casemate::tools {

std::string_view JavascriptLoader() {
  return R"js('use strict';
const fs = require('fs');
const path = require('path');
const url = require('url');
const vm = require('vm');
const Module = require('module');

const directory = process.cwd();
const filename = path.join(directory, 'main.js');
const source = fs.readFileSync(path.join(__dirname, 'main.js'), 'utf8');
const names = ['exports', 'require', 'module', '__filename', '__dirname'];
process.argv[1] = filename;

function makeModule(options) {
  const emit_warning = process.emitWarning;
  process.emitWarning = () => {};  // vm modules are "experimental"
  try {
    return new vm.SourceTextModule(source, { identifier: filename, ...options });
  } finally {
    process.emitWarning = emit_warning;
  }
}

// Only what cannot be CommonJS and can be a module: words about a stray `await` differ too much.
function isModule() {
  const parses = (parse) => {
    try { parse(); } catch { return false; }
    return true;
  };
  return !parses(() => vm.compileFunction(source, names, { filename })) && parses(makeModule);
}

function locate(specifier, require) {
  if (/^\.{0,2}\//.test(specifier)) {
    return url.pathToFileURL(path.resolve(directory, specifier)).href;
  }
  if (/^[a-z]+:/.test(specifier) || Module.builtinModules.includes(specifier)) {
    return specifier;
  }
  return url.pathToFileURL(require.resolve(specifier)).href;
}

async function runModule() {
  const require = Module.createRequire(filename);
  globalThis.require = require;
  const load = (specifier) => import(locate(specifier, require));
  const main = makeModule({
    initializeImportMeta: (meta) => { meta.url = url.pathToFileURL(filename).href; },
    importModuleDynamically: load,
  });
  await main.link(async (specifier) => {
    const loaded = await load(specifier);
    const exported = Object.keys(loaded);
    const linked = new vm.SyntheticModule(exported, function () {
      for (const name of exported) this.setExport(name, loaded[name]);
    }, { identifier: specifier });
    return linked;
  });
  await main.evaluate();
}

function runCommonJs() {
  const main = new Module('.', null);
  main.filename = filename;
  main.paths = Module._nodeModulePaths(directory);
  process.mainModule = main;
  main._compile(source, filename);
  main.loaded = true;
}

if (isModule()) {
  runModule();
} else {
  runCommonJs();
}
)js";
}

}  // namespace casemate::tools
