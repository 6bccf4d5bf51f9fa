export default { output: 'server', adapter: node({ mode: 'standalone' }) };
