/** WGSL functions that expressions and kernels call; the emitter adds those that a kernel uses. */
export const ELEMENTWISE_HELPERS: Readonly<Record<string, string>> = {
  // exp overflows in some drivers' tanh past |x| = 88 (gpuweb#4458); past 15 the result is 1 in f32 anyway.
  safe_tanh: `fn safe_tanh(x: f32) -> f32 {
  // Near zero 1 - 2 / (exp(2x) + 1) cancels: a short odd series is exact to f32 there.
  let squared = x * x;
  let series = x * (1.0 + squared * (-0.33333333 + squared * (0.13333333 + squared * (-0.053968254 + squared * 0.021869488))));
  let large = 1.0 - 2.0 / (exp(2.0 * clamp(x, -15.0, 15.0)) + 1.0);
  let finite = select(large, series, abs(x) < 0.25);
  return select(x, finite, x == x);
}`,
  // Drivers take the logarithm of what is below the smallest normal number for that of the smallest normal number.
  whole_log: `fn whole_log(x: f32) -> f32 {
  let tiny = x < 1.1754944e-38;
  return log(select(x, x * 16777216.0, tiny)) - select(0.0, 16.635532, tiny);
}`,
  // Written so that exp never overflows.
  sigmoid: `fn sigmoid(x: f32) -> f32 {
  let small = exp(-abs(x));
  return select(small, 1.0, x >= 0.0) / (1.0 + small);
}`,
  // Rational minimax approximation on [-4, 4], the one of Eigen and XLA (ErfImpl32); error below 2 ulp or so.
  erf: `fn erf(value: f32) -> f32 {
  let x = clamp(value, -4.0, 4.0);
  let s = x * x;
  var p = -2.72614225801306e-10;
  p = p * s + 2.77068142495902e-08;
  p = p * s + -2.10102402082508e-06;
  p = p * s + -5.69250639462346e-05;
  p = p * s + -7.34990630326855e-04;
  p = p * s + -2.95459980854025e-03;
  p = p * s + -1.60960333262415e-02;
  var q = -1.45660718464996e-05;
  q = q * s + -2.13374055278905e-04;
  q = q * s + -1.68282697438203e-03;
  q = q * s + -7.37332916720468e-03;
  q = q * s + -1.42647390514189e-02;
  let finite = x * p / q;
  return select(value, finite, value == value);
}`,
  // WGSL promises sin and cos only to 2^-11 absolute, and only on [-pi, pi]: too coarse for rotary positions.
  // Cody-Waite reduction by pi/2 in three parts, then the Cephes sinf/cosf polynomials.
  quadrant_sin: `fn quadrant_sin(x: f32, shift: i32) -> f32 {
  let turns = round(x * 0.63661977);
  let quadrant = (i32(turns) + shift) & 3;
  var r = x - turns * 1.5703125;
  r = r - turns * 4.837512969970703e-4;
  r = r - turns * 7.549789948768648e-8;
  let s = r * r;
  let sine = r + r * s * (-1.6666654611e-1 + s * (8.3321608736e-3 + s * -1.9515295891e-4));
  let cosine = 1.0 - 0.5 * s + s * s * (4.166664568298827e-2 + s * (-1.388731625493765e-3 + s * 2.443315711809948e-5));
  let value = select(sine, cosine, (quadrant & 1) == 1);
  return select(value, -value, quadrant >= 2);
}`,
  precise_sin: `fn precise_sin(x: f32) -> f32 { return quadrant_sin(x, 0); }`,
  precise_cos: `fn precise_cos(x: f32) -> f32 { return quadrant_sin(x, 1); }`,
  // To nearest, ties to even, by the bits of the f32. Halves below 2^-14 are multiples of 2^-24.
  round_to_half: `fn round_to_half(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let magnitude = bits & 0x7fffffffu;
  let fraction = (magnitude + 0xfffu + ((magnitude >> 13u) & 1u)) & 0xffffe000u;
  let large = select(fraction, max(magnitude, 0x7f800000u), magnitude >= 0x477ff000u);
  let small = bitcast<u32>(round(bitcast<f32>(min(magnitude, 0x38800000u)) * 16777216.0) * 5.9604644775390625e-8);
  return bitcast<f32>((bits & 0x80000000u) | select(large, small, magnitude < 0x38800000u));
}`,
  // As C's pow, whose special cases PyTorch has. WGSL's is undefined for negative bases, and drivers differ about zero, one
  // and infinity. `zero` is 0, and the compiler does not know.
  power: `fn power(base: f32, exponent: f32, zero: u32) -> f32 {
  if (exponent == 0.0 || base == 1.0) { return 1.0; }
  if (exponent == 1.0) { return base; }
  if (exponent == 2.0) { return base * base; }
  if (!(base == base && exponent == exponent)) { return base + exponent; }
  let infinity = bitcast<f32>(0x7f800000u | zero);
  let size = abs(base);
  let grows = (size > 1.0) == (exponent > 0.0);
  var magnitude = pow(size, exponent);
  if (size == 1.0) { magnitude = 1.0; }
  else if (size == 0.0 || size == infinity || abs(exponent) == infinity) { magnitude = select(0.0, infinity, grows); }
  if ((bitcast<u32>(base) >> 31u) == 0u) { return magnitude; }
  if (floor(exponent) == exponent) {
    let half = exponent * 0.5;
    return select(-magnitude, magnitude, floor(half) == half);
  }
  return select(sqrt(base), magnitude, size == 0.0 || size == infinity);
}`,
};
