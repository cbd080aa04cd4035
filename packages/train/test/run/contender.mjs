// Takes a lock again and again for a while, as one of several processes. Half of the time it "dies": it leaves the lock to
// a process that has ended. Prints how often it held the lock, and how often somebody else did at the same time.
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , library, folder, milliseconds] = process.argv;
const { takeLock } = await import(pathToFileURL(library).href);
const lock = join(folder, 'lock');
const inside = join(folder, 'inside');
let held = 0;
let violations = 0;
let other = '';

/** What a process leaves that was killed while it held the lock. */
function die() {
  const owner = JSON.parse(readFileSync(lock, 'utf8'));
  const left = `${folder}-${process.pid}`;
  writeFileSync(left, JSON.stringify({ ...owner, pid: 4_999_999, token: `dead-${process.pid}-${held}` }));
  renameSync(left, lock);
}

for (const end = Date.now() + Number(milliseconds); Date.now() < end; ) {
  let taken;
  try {
    taken = takeLock(folder);
  } catch (error) {
    if (!/is in use by process \d+, since|other processes are taking it over/.test(error.message))
      other = error.message;
    continue;
  }
  held++;
  try {
    closeSync(openSync(inside, 'wx'));
    if (JSON.parse(readFileSync(lock, 'utf8')).pid !== process.pid) violations++;
    rmSync(inside);
  } catch {
    violations++;
  }
  if (Math.random() < 0.5) taken.release();
  else die();
}
console.log(JSON.stringify({ held, violations, other }));
