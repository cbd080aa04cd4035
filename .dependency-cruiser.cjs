// Arrows go tensor <- nn <- models <- objectives <- train <- apps; data stands beside and knows no sibling.
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
      name: 'data-knows-no-sibling',
      severity: 'error',
      from: { path: '^packages/data/src' },
      to: { path: '^(apps|packages/(?!data/))' },
    },
    {
      name: 'browser-packages-use-no-node-built-ins',
      severity: 'error',
      from: {
        path: '^packages/(tensor|nn|models|objectives|data)/src',
        pathNot: ['\\.node\\.ts$', '^packages/(data|models)/src/node/'],
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'what-runs-in-browsers-knows-no-node-entry',
      severity: 'error',
      from: { path: '^packages/(data|models)/src', pathNot: '/src/node/' },
      to: { path: '^packages/(data|models)/src/node/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(dist|test|tools|node_modules/(?!@foretoken))' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
  },
};
