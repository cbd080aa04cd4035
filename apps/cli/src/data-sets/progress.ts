import { formatDuration } from '../format.js';

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const REDRAW_MILLISECONDS = 200;

/** How far downloads are: one line on a terminal, a line for each file elsewhere. */
export class DownloadProgress {
  #file: string | undefined;
  #firstBytes = 0;
  #startedAt = 0;
  #drawnAt = 0;
  #isOpen = false;

  constructor(readonly stream: NodeJS.WriteStream = process.stderr) {}

  update(file: string, bytes: number, totalBytes: number | null): void {
    const now = Date.now();
    if (file !== this.#file) {
      this.end();
      this.#file = file;
      this.#firstBytes = bytes;
      this.#startedAt = now;
      this.#drawnAt = 0;
      if (this.stream.isTTY !== true)
        this.stream.write(`${file}${totalBytes === null ? '' : `: ${megabytes(totalBytes)}`}\n`);
    }
    if (this.stream.isTTY !== true || (now - this.#drawnAt < REDRAW_MILLISECONDS && bytes !== totalBytes))
      return;
    this.#drawnAt = now;
    this.#isOpen = true;
    const rate = (bytes - this.#firstBytes) / Math.max((now - this.#startedAt) / 1000, 0.001);
    const of = totalBytes === null ? '' : ` of ${megabytes(totalBytes)}`;
    const left =
      totalBytes === null || rate === 0 ? '' : `, ${formatDuration((totalBytes - bytes) / rate)} left`;
    const text = `${file}: ${megabytes(bytes)}${of}, ${megabytes(rate)}/s${left}`;
    this.stream.write(`\r\u001b[2K${text.slice(0, (this.stream.columns ?? 80) - 1)}`);
  }

  /** Ends the line. */
  end(): void {
    if (this.#isOpen) this.stream.write('\n');
    this.#isOpen = false;
  }
}
