import { join } from 'node:path';
import { writeAtomic } from '@foretoken/train';
import type { ComparisonSummary } from '../summary.js';
import { page } from './page.js';
import { readRunLogs } from './run-logs.js';

/**
 * Writes `report.html` of a comparison: one file that needs no network, made from the summary and the run
 * folders next to it, so that it can be written again at any time.
 *
 * @param out folder of the comparison, with one run folder for each objective and seed
 * @returns the path of the report
 * @throws RunFolderError when a file of a run is damaged
 */
export async function writeReport(out: string, summary: ComparisonSummary): Promise<string> {
  const path = join(out, 'report.html');
  writeAtomic(path, await page(summary, readRunLogs(out, summary)));
  return path;
}
