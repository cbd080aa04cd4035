/** Version of this package: what was measured with other kernels does not hold for these. */
export const VERSION = '0.1.0';
