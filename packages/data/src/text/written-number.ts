/**
 * A number as it is written, where a number of JavaScript would read otherwise: `5.00`, `1e21`,
 * `12345678901234567890`.
 */
export class WrittenNumber {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }

  toJSON(): number {
    return Number(this.text);
  }
}

/** A number that reads as it is written. */
export function numberAsWritten(text: string): number | WrittenNumber {
  const value = Number(text);
  return String(value) === text ? value : new WrittenNumber(text);
}
