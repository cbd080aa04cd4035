/** Numbers of the random streams below the seed of a run; what stored runs depend on. */
export const STREAM = { model: 1, objective: 2, layout: 3, dropout: 4, adapters: 5 } as const;
