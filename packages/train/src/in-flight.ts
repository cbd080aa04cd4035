/**
 * Submits work with some of it in flight, and gives the results in order. Each result must be asked for right when its
 * work is submitted: asked for later, its copy would stand behind the next work in the queue of the GPU.
 *
 * @param submit - submits piece number `at`, counted from 0, and asks for its result
 * @param more - whether piece number `at` is to be submitted
 * @param depth - pieces submitted before the first result is waited for
 */
export async function* inFlight<Result>(
  submit: (at: number) => Promise<Result>,
  more: (at: number) => boolean,
  depth: number,
): AsyncGenerator<Result> {
  const waiting: Promise<Result>[] = [];
  for (let at = 0; more(at); at++) {
    const result = submit(at);
    // Where an earlier piece fails, nobody waits for this one any more.
    result.catch(() => {});
    waiting.push(result);
    if (waiting.length >= depth) yield await (waiting.shift() as Promise<Result>);
  }
  for (const result of waiting) yield await result;
}
