/** Browsers can interrupt nothing that runs in the same thread; their own watchdog asks the person. */
export const limitTime = <Result>(
  work: () => Result,
): { readonly finished: true; readonly result: Result } => ({
  finished: true,
  result: work(),
});
