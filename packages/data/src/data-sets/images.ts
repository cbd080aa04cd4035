import type { PublishedDataSet, PublishedFile } from './published.js';

const MNIST = 'https://storage.googleapis.com/cvdf-datasets/mnist';
const FASHION =
  'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion';

const file = (
  folder: string,
  name: string,
  bytes: number,
  sha256: string,
  unpackedSha256?: string,
): PublishedFile => ({
  name,
  url: `${folder}/${name}`,
  bytes,
  sha256,
  ...(unpackedSha256 === undefined ? {} : { unpackedSha256 }),
  format: 'binary',
});

/** Images with classes. */
export const imagesCatalog: readonly PublishedDataSet[] = [
  {
    name: 'mnist',
    title: 'MNIST',
    holds: '60,000 + 10,000 handwritten digits, 28 x 28',
    licence: 'CC BY-SA 3.0, as commonly stated',
    home: 'http://yann.lecun.com/exdb/mnist',
    note: 'From the mirror that TensorFlow and PyTorch use.',
    files: [
      file(
        MNIST,
        'train-images-idx3-ubyte.gz',
        9_912_422,
        '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
        'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
      ),
      file(
        MNIST,
        'train-labels-idx1-ubyte.gz',
        28_881,
        '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
        '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
      ),
      file(
        MNIST,
        't10k-images-idx3-ubyte.gz',
        1_648_877,
        '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
        '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
      ),
      file(
        MNIST,
        't10k-labels-idx1-ubyte.gz',
        4_542,
        'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6',
        'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
      ),
    ],
  },
  {
    name: 'fashion-mnist',
    title: 'Fashion-MNIST',
    holds: '60,000 + 10,000 pictures of clothes, 28 x 28',
    licence: 'MIT',
    home: 'https://github.com/zalandoresearch/fashion-mnist',
    files: [
      file(
        FASHION,
        'train-images-idx3-ubyte.gz',
        26_421_880,
        '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
      ),
      file(
        FASHION,
        'train-labels-idx1-ubyte.gz',
        29_515,
        'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845',
      ),
      file(
        FASHION,
        't10k-images-idx3-ubyte.gz',
        4_422_102,
        '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073',
        '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
      ),
      file(
        FASHION,
        't10k-labels-idx1-ubyte.gz',
        5_148,
        '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5',
        '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
      ),
    ],
    cut: {
      folder: 'fashion-mnist',
      holds: 'the first 10,000 training images and all test images',
      files: [
        {
          name: 'train10k-images-idx3-ubyte.gz',
          sha256: '1be733b5e3563a3e09249eaf2860ab906050f4ad092514fd69643a971f092eef',
        },
        {
          name: 'train10k-labels-idx1-ubyte.gz',
          sha256: '61a6840eba903a1624db1cd180742787f58a96a5d569dcbab532ea0bbd943a75',
        },
        {
          name: 't10k-images-idx3-ubyte.gz',
          sha256: '78cb45a589ec14266eab4ac0cb2e9e10a4c076ae2d337fe86383d761bff83f32',
        },
        {
          name: 't10k-labels-idx1-ubyte.gz',
          sha256: 'ae04cd950ab214637dd08f56319057c2ae10cbb660f742681f426479e3d51363',
        },
      ],
    },
  },
  {
    name: 'cifar10',
    title: 'CIFAR-10',
    holds: '50,000 + 10,000 colour photographs of ten classes, 32 x 32',
    licence: 'none stated; research use with a citation of Krizhevsky 2009',
    home: 'https://www.cs.toronto.edu/~kriz/cifar.html',
    note: 'Six binary files are taken out of the archive after the download.',
    files: [
      file(
        'https://www.cs.toronto.edu/~kriz',
        'cifar-10-binary.tar.gz',
        170_052_171,
        'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
      ),
    ],
    derived: {
      by: 'cifar10',
      files: [
        'data_batch_1',
        'data_batch_2',
        'data_batch_3',
        'data_batch_4',
        'data_batch_5',
        'test_batch',
      ].map((name) => ({ name: `${name}.bin`, sha256: null })),
    },
    cut: {
      folder: 'cifar10-small',
      holds: 'the first 3,000 training and 1,000 test images',
      files: [
        {
          name: 'train_3000.bin.gz',
          sha256: '6cd90bfbec87b5a24ee3419ea117f15987ec60deb069a709e569f62e2f8d56c8',
        },
        {
          name: 'test_1000.bin.gz',
          sha256: '481869234567c4835abc7c5f640eb4c2dd6fb841f09ea94a7f989d31f337e06c',
        },
      ],
    },
  },
];
