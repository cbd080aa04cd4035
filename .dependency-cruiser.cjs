// Arrows go tensor <- nn <- models <- objectives <- train <- apps; data stands beside. All may read what is handed in
// through input, which knows no sibling.
const layers = ['tensor', 'nn', 'models', 'objectives', 'train'];

const upwards = layers.map((layer, at) => ({
  name: `${layer}-knows-no-higher-layer`,
  severity: 'error',
  from: { path: `^packages/${layer}/src` },
  to: {
    path: `^(apps|packages/(${[...layers.slice(at + 1), ...(layer === 'train' ? [] : ['data'])].join('|') || 'none'}))/`,
  },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...upwards,
    {
      name: 'data-knows-no-sibling-but-input',
      severity: 'error',
      from: { path: '^packages/data/src' },
      to: { path: '^(apps|packages/(?!data/|input/))' },
    },
    {
      name: 'input-knows-no-sibling',
      severity: 'error',
      from: { path: '^packages/input/src' },
      to: { path: '^(apps|packages/(?!input/))' },
    },
    {
      name: 'browser-packages-use-no-node-built-ins',
      severity: 'error',
      from: {
        path: '^packages/(input|tensor|nn|models|objectives|data)/src',
        pathNot: ['\\.node\\.ts$', '^packages/(input|data|models)/src/node/'],
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'what-runs-in-browsers-knows-no-node-entry',
      severity: 'error',
      from: { path: '^packages/(input|data|models)/src', pathNot: '/src/node/' },
      to: { path: '^packages/(input|data|models)/src/node/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(dist|test|tools|node_modules/(?!@foretoken))' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
  },
};
