import type { ImageShape } from './image-set.js';

/** What is known of a data set before it has been read. */
export interface ImageDataSet {
  readonly name: string;
  readonly title: string;
  readonly format: 'idx' | 'cifar10' | 'cifar100';
  readonly image: ImageShape;
  readonly classes: number;
  /** What the classes are called; numbers where it is absent. */
  readonly classNames?: readonly string[];
  /** Of each channel of the training images, pixels counted from 0 to 1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

const grey: ImageShape = { height: 28, width: 28, channels: 1 };
const colour: ImageShape = { height: 32, width: 32, channels: 3 };

const definitions = [
  {
    name: 'mnist',
    title: 'MNIST',
    format: 'idx',
    image: grey,
    classes: 10,
    mean: [0.1307],
    std: [0.3081],
  },
  {
    name: 'fashion-mnist',
    title: 'Fashion-MNIST',
    format: 'idx',
    image: grey,
    classes: 10,
    classNames: [
      'T-shirt/top',
      'trouser',
      'pullover',
      'dress',
      'coat',
      'sandal',
      'shirt',
      'sneaker',
      'bag',
      'ankle boot',
    ],
    mean: [0.286],
    std: [0.353],
  },
  {
    name: 'cifar10',
    title: 'CIFAR-10',
    format: 'cifar10',
    image: colour,
    classes: 10,
    classNames: ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.247, 0.2435, 0.2616],
  },
  {
    name: 'cifar100',
    title: 'CIFAR-100',
    format: 'cifar100',
    image: colour,
    classes: 100,
    mean: [0.5071, 0.4865, 0.4409],
    std: [0.2673, 0.2564, 0.2762],
  },
] as const satisfies readonly ImageDataSet[];

/** The data sets that can be read. */
export const imageDataSets: readonly ImageDataSet[] = definitions;

export type ImageDataSetName = (typeof definitions)[number]['name'];
