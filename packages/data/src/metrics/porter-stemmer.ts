// M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, with the changes that NLTK makes by default
// (`PorterStemmer.NLTK_EXTENSIONS`), because ROUGE scores are published with that variant.

/** What to put in place of a suffix; `allows` sees the word without it. */
interface Rule {
  readonly suffix: string;
  readonly replacement: string;
  readonly allows?: (stem: string) => boolean;
}

/** Words whose stem is looked up and not derived (NLTK). */
const IRREGULAR: Readonly<Record<string, string>> = {
  skies: 'sky',
  sky: 'sky',
  dying: 'die',
  lying: 'lie',
  tying: 'tie',
  news: 'news',
  innings: 'inning',
  inning: 'inning',
  outings: 'outing',
  outing: 'outing',
  cannings: 'canning',
  canning: 'canning',
  howe: 'howe',
  proceed: 'proceed',
  exceed: 'exceed',
  succeed: 'succeed',
};

/** The word as `c` and `v`: y is a vowel behind a consonant and a consonant elsewhere. */
function consonantsAndVowels(word: string): string {
  let form = '';
  for (const letter of word) {
    const vowel = 'aeiou'.includes(letter) || (letter === 'y' && form.endsWith('c'));
    form += vowel ? 'v' : 'c';
  }
  return form;
}

/** Porter's m: how often a consonant follows a vowel. */
const measure = (word: string): number => consonantsAndVowels(word).split('vc').length - 1;

const hasVowel = (word: string): boolean => consonantsAndVowels(word).includes('v');

const endsInDoubleConsonant = (word: string): boolean =>
  word.length > 1 && word.at(-1) === word.at(-2) && consonantsAndVowels(word).endsWith('c');

/** Porter's *o, and (NLTK) a word of one vowel and one consonant. */
function endsInShortSyllable(word: string): boolean {
  const form = consonantsAndVowels(word);
  return form === 'vc' || (form.endsWith('cvc') && !/[wxy]$/.test(word));
}

/** The first rule whose suffix the word has decides, even when it does not allow the change. */
function applyFirst(word: string, rules: readonly Rule[]): string {
  const rule = rules.find(({ suffix }) => word.endsWith(suffix));
  if (rule === undefined) return word;
  const stem = word.slice(0, word.length - rule.suffix.length);
  return rule.allows === undefined || rule.allows(stem) ? stem + rule.replacement : word;
}

const rules = (
  pairs: Readonly<Record<string, string>>,
  allows?: (stem: string) => boolean,
): readonly Rule[] =>
  Object.entries(pairs).map(([suffix, replacement]) => ({
    suffix,
    replacement,
    ...(allows === undefined ? {} : { allows }),
  }));

const longerThan =
  (least: number) =>
  (stem: string): boolean =>
    measure(stem) > least;

const PLURALS = rules({ sses: 'ss', ies: 'i', ss: 'ss', s: '' });

const DOUBLE_SUFFIXES: readonly Rule[] = [
  ...rules(
    {
      ational: 'ate',
      tional: 'tion',
      enci: 'ence',
      anci: 'ance',
      izer: 'ize',
      bli: 'ble',
      alli: 'al',
      entli: 'ent',
      eli: 'e',
      ousli: 'ous',
      ization: 'ize',
      ation: 'ate',
      ator: 'ate',
      alism: 'al',
      iveness: 'ive',
      fulness: 'ful',
      ousness: 'ous',
      aliti: 'al',
      iviti: 'ive',
      biliti: 'ble',
      fulli: 'ful',
    },
    longerThan(0),
  ),
  // The l counts with the stem, so that "geologi" becomes "geolog" and "logi" stays.
  { suffix: 'logi', replacement: 'log', allows: (stem) => measure(`${stem}l`) > 0 },
];

const ENDINGS = rules(
  { icate: 'ic', ative: '', alize: 'al', iciti: 'ic', ical: 'ic', ful: '', ness: '' },
  longerThan(0),
);

const LONG_ENDINGS: readonly Rule[] = [
  ...rules(
    { al: '', ance: '', ence: '', er: '', ic: '', able: '', ible: '', ant: '', ement: '', ment: '', ent: '' },
    longerThan(1),
  ),
  { suffix: 'ion', replacement: '', allows: (stem) => measure(stem) > 1 && /[st]$/.test(stem) },
  ...rules({ ou: '', ism: '', ate: '', iti: '', ous: '', ive: '', ize: '' }, longerThan(1)),
];

function removePlural(word: string): string {
  if (word.length === 4 && word.endsWith('ies')) return word.slice(0, -1);
  return applyFirst(word, PLURALS);
}

function removePast(word: string): string {
  if (word.endsWith('ied')) return word.slice(0, word.length === 4 ? -1 : -2);
  if (word.endsWith('eed')) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  for (const suffix of ['ed', 'ing']) {
    const stem = word.slice(0, -suffix.length);
    if (word.endsWith(suffix) && hasVowel(stem)) return repairStem(stem);
  }
  return word;
}

/** Gives back the e, or takes away the doubled consonant, of a stem that has lost "ed" or "ing". */
function repairStem(stem: string): string {
  if (/(at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (endsInDoubleConsonant(stem)) return /[lsz]$/.test(stem) ? stem : stem.slice(0, -1);
  return measure(stem) === 1 && endsInShortSyllable(stem) ? `${stem}e` : stem;
}

const replaceFinalY = (word: string): string =>
  /y$/.test(word) && word.length > 2 && consonantsAndVowels(word.slice(0, -1)).endsWith('c')
    ? `${word.slice(0, -1)}i`
    : word;

function reduceDoubleSuffix(word: string): string {
  // NLTK reads on behind this one: "mathematicalli" becomes "mathematical", then what that becomes.
  if (word.endsWith('alli') && measure(word.slice(0, -4)) > 0) return reduceDoubleSuffix(word.slice(0, -2));
  return applyFirst(word, DOUBLE_SUFFIXES);
}

function removeFinalE(word: string): string {
  if (!word.endsWith('e')) return word;
  const stem = word.slice(0, -1);
  return measure(stem) > 1 || (measure(stem) === 1 && !endsInShortSyllable(stem)) ? stem : word;
}

const shortenFinalL = (word: string): string =>
  word.endsWith('ll') && measure(word.slice(0, -1)) > 1 ? word.slice(0, -1) : word;

/**
 * The stem of an English word in lower case, letter for letter as NLTK's `PorterStemmer().stem` gives it.
 *
 * @example porterStem('relational'); // 'relat'
 */
export function porterStem(word: string): string {
  const irregular = Object.hasOwn(IRREGULAR, word) ? IRREGULAR[word] : undefined;
  if (irregular !== undefined) return irregular;
  if (word.length <= 2) return word;
  const whole = reduceDoubleSuffix(replaceFinalY(removePast(removePlural(word))));
  return shortenFinalL(removeFinalE(applyFirst(applyFirst(whole, ENDINGS), LONG_ENDINGS)));
}
