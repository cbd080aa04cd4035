/** What a file must look like where nobody has published its digest. */
export type PublishedFormat = 'json-lines' | 'text' | 'binary';

/** A file as its publisher offers it. */
export interface PublishedFile {
  /** Its name in the folder of the data set. */
  readonly name: string;
  readonly url: string;
  /** Null where it is not known: at most `mostBytes` are read then. */
  readonly bytes: number | null;
  readonly mostBytes?: number;
  /** Null where it is not known: length and format are checked instead. */
  readonly sha256: string | null;
  /** Of the contents of a gzip file: the same contents compressed otherwise are as good. */
  readonly unpackedSha256?: string;
  readonly format: PublishedFormat;
  /** Lines of a file in JSON Lines. */
  readonly lines?: number;
  /** Fields that each of them must have. */
  readonly fields?: readonly string[];
}

/** A file that is made from published ones. */
export interface DerivedFile {
  readonly name: string;
  /** Null where it is not known: the digest of what it is made from is checked. */
  readonly sha256: string | null;
}

/** A smaller version of a data set, which serves until the whole one is wanted. */
export interface DataSetCut {
  /** Name of its folder below the data folder. */
  readonly folder: string;
  /** What it holds, for a sentence: "dev and test alone". */
  readonly holds: string;
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
}

/** How published files become those that are read. */
export type Derivation = 'stories260K' | 'tinystories' | 'cifar10';

/** A data set or small model that can be fetched by name. */
export interface PublishedDataSet {
  readonly name: string;
  readonly title: string;
  /** What it is, in a few words. */
  readonly holds: string;
  readonly licence: string;
  /** Page of its publisher. */
  readonly home: string;
  /** What has to be said of where it comes from, beyond that. */
  readonly note?: string;
  readonly files: readonly PublishedFile[];
  /** Files that are made from these, and read instead of them. */
  readonly derived?: { readonly by: Derivation; readonly files: readonly DerivedFile[] };
  readonly cut?: DataSetCut;
}
