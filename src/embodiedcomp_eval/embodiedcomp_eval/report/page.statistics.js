"use strict";
/* What the filters by object and seed need anew: success rates, rates and steps of the episodes left, and rank correlations. */
const Z = 1.959963984540054;

/* Wilson's 95 % interval of a rate, as statistics.wilson gives it. */
function wilson(successes, episodes) {
  if (!episodes) return [0, 1];
  const rate = successes / episodes, scale = 1 + Z * Z / episodes, middle = rate + Z * Z / (2 * episodes);
  const half = Z * Math.sqrt(rate * (1 - rate) / episodes + Z * Z / (4 * episodes * episodes));
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}

function logGamma(x) {
  const c = [76.18009172947146, -86.50532032941677, 24.01409824083091, -1.231739572450155, 0.001208650973866179, -0.000005395239384953];
  const base = x + 5.5, sum = c.reduce((total, value, i) => total + value / (x + 1 + i), 1.000000000190015);
  return (x + 0.5) * Math.log(base) - base + Math.log(2.5066282746310005 * sum / x);
}

/* The regularised incomplete beta function I_x(a, b), by its continued fraction (Lentz). */
function incompleteBeta(x, a, b) {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const away = value => Math.abs(value) < 1e-300 ? 1e-300 : value;
  let c = 1, d = 1 / away(1 - (a + b) * x / (a + 1)), fraction = d;
  for (let m = 1; m < 300; m++) {
    for (const term of [m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))]) {
      d = 1 / away(1 + term * d);
      c = away(1 + term / c);
      fraction *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-14) break;
  }
  return Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x)) * fraction / a;
}

/* Places of the values in ascending order; equal ones share the mean of theirs. */
function ranks(values) {
  return values.map(value => values.filter(other => other < value).length + (values.filter(other => other === value).length + 1) / 2);
}

/* Spearman's rho with its two-sided p (t distribution), as statistics.rank_correlation gives it; pairs [metric, rate]. */
function spearman(pairs) {
  const usable = pairs.filter(pair => pair.every(value => value !== null && value !== undefined)), n = usable.length;
  const [x, y] = [0, 1].map(side => ranks(usable.map(pair => pair[side])));
  const middle = (n + 1) / 2, product = (a, b) => a.reduce((sum, value, i) => sum + (value - middle) * (b[i] - middle), 0);
  if (n < 3 || product(x, x) === 0 || product(y, y) === 0) return { rho: null, p_value: null, points: n };
  const rho = product(x, y) / Math.sqrt(product(x, x) * product(y, y)), left = Math.max(0, 1 - rho * rho);
  return { rho, p_value: incompleteBeta(left, (n - 2) / 2, 0.5), points: n };
}

/* Rank correlations over the compressed points of the commonest conditions among them (evaluation.py: _alike). */
function correlations(points) {
  const keys = Object.keys(DATA.correlated), of = point => JSON.stringify(keys.map(key => point[key]));
  const coded = points.filter(point => point.role === "codec" && point.episodes), counts = new Map();
  for (const point of coded) counts.set(of(point), (counts.get(of(point)) || 0) + 1);
  const most = Math.max(0, ...counts.values()), common = [...counts.keys()].find(key => counts.get(key) === most);
  const alike = coded.filter(point => of(point) === common);
  return Object.keys(DATA.correlations).map(metric => [metric, spearman(alike.map(point => [point[metric], point.success_rate]))]);
}

/* What an outcome holds: evaluation.py, _outcomes. */
const [WON, STEPS, BITS, PIXELS, SECONDS, OBJECT] = [0, 1, 2, 3, 4, 5];
const NOT_PER_SEED = ["wire_bpp", "threshold_bpp_rate", "psnr", "ms_ssim", "action_error", "path_length", "action_efficiency", "jerk", "frames_at_floor", "frame_age_p50"];

/* The point with those of its episodes that keep(seed, outcome) leaves; what isn't known episode by episode becomes unknown. */
function restricted(point, keep) {
  const left = Object.entries(DATA.outcomes[point.name] || {}).filter(([seed, outcome]) => keep(Number(seed), outcome)).map(([, outcome]) => outcome);
  const total = (of, key) => of.reduce((sum, outcome) => sum + outcome[key], 0), ratio = (a, b) => b ? a / b : null;
  const won = left.filter(outcome => outcome[WON]), steps = left.map(outcome => outcome[WON] ? outcome[STEPS] : point.horizon), n = left.length;
  const mean = ratio(steps.reduce((sum, value) => sum + value, 0), n);
  const half = n > 1 ? Z * Math.sqrt(steps.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1) / n) : 0;
  return { ...point, ...Object.fromEntries(NOT_PER_SEED.map(key => [key, null])), latency_ms: {}, episodes: n, missing: 0, successes: won.length,
    success_rate: ratio(won.length, n), success_rate_ci95: wilson(won.length, n), payload_bpp: ratio(total(left, BITS), total(left, PIXELS)),
    bits_per_second: ratio(total(left, BITS), total(left, SECONDS)), bits_per_success: ratio(total(left, BITS), won.length),
    mean_steps: mean, mean_steps_ci95: n ? [mean - half, mean + half] : null, mean_steps_success: ratio(total(won, STEPS), won.length) };
}
