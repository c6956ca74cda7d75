// The arithmetic of labutils.laws.regimes.diagnose and forecasts.forecast in the browser; a test holds it against them.
// DATA.laws holds their constants and what the library of measured curves taught, see labutils.laws.in_browser.

const L = DATA.laws, C = L.calibration
const sum = values => values.reduce((a, b) => a + b, 0)
const inner = (a, b) => a.reduce((total, v, i) => total + v * b[i], 0)
const mean = values => sum(values) / values.length
const clip = (v, low, high) => Math.min(high, Math.max(low, v))
const geometric = (from, to, count) => Array.from({ length: count }, (_, i) => from * (to / from) ** (i / (count - 1)))

// Linear interpolation as numpy.interp does it; beyond the ends `left` and `right`.
function interpolate(x, xs, ys, left = ys[0], right = ys.at(-1)) {
  if (x < xs[0]) return left
  if (x >= xs.at(-1)) return x > xs.at(-1) ? right : ys.at(-1)
  let i = xs.length - 2
  while (xs[i] > x) i--
  return ys[i] + (x - xs[i]) * (ys[i + 1] - ys[i]) / (xs[i + 1] - xs[i])
}

// Power laws above a floor, see forecasts._laws: drops of the log loss `ahead` octaves on, the level now, the scatter.
function lawsThrough(u, z, ahead) {
  const w = u.map((v, i) => 2 ** (v / 3) / z[i] ** 2), s0 = sum(w), b0 = inner(w, z)
  const fits = L.exponents.map(exponent => {
    const power = u.map(v => 2 ** (-exponent * v)), heavy = power.map((v, i) => v * w[i])
    const s1 = sum(heavy), s2 = inner(heavy, power), b1 = inner(heavy, z), det = s0 * s2 - s1 ** 2
    let a = (s0 * b1 - s1 * b0) / det, c = (s2 * b0 - s1 * b1) / det
    if (c < 0) [a, c] = [b1 / s2, 0]
    if (a < 0) [a, c] = [0, b0 / s0]
    const squares = sum(w.map((v, i) => v * (z[i] - a * power[i] - c) ** 2)) / s0, now = Math.log(a + c)
    return { squares, now, drop: Math.log(a * 2 ** (-exponent * ahead) + c) - now }
  })
  const best = fits.reduce((one, other) => other.squares < one.squares ? other : one)
  const weight = fits.map(fit => ((fit.squares + 1e-4) / (best.squares + 1e-4)) ** (-u.length / 2)), total = sum(weight)
  const scatter = Math.sqrt(best.squares * u.length / Math.max(u.length - 3, 1))
  return [best.drop, inner(weight, fits.map(f => f.drop)) / total, inner(weight, fits.map(f => f.now)) / total, scatter]
}

// What a curve says of the loss `ahead` octaves on, see forecasts.features: parts, logs of the scales, step.
function features(n, loss, ahead) {
  const top = n.length - 1, u = n.map(v => Math.log2(v / n[top])), z = loss.map(v => v / loss[top]), y = z.map(Math.log)
  const lines = L.memory.map(memory => {
    const heavy = u.map(v => 2 ** (v / memory)), total = sum(heavy), w = heavy.map(v => v / total)
    const centre = inner(w, u), lever = w.map((v, i) => v * (u[i] - centre)), length = Math.max(inner(lever, u), 1e-9)
    const unit = lever.map(v => v / length), slope = inner(unit, y)
    return { slope, level: inner(w, y) - slope * centre, squares: inner(unit, unit) }
  })
  const inside = u.slice(1, -1), jumps = inside.map((v, i) => {
    const share = (u[i + 2] - v) / (u[i + 2] - u[i])
    return (y[i + 1] - y[i] * share - y[i + 2] * (1 - share)) / Math.sqrt(1 + share ** 2 + (1 - share) ** 2)
  })
  const within = v => clip(v, -2 * ahead, ahead), heavy = inside.map(v => 2 ** (v / 2))
  let [best, averaged, now, scatter] = lawsThrough(u, z, ahead)
  const noise = Math.min(scatter, Math.sqrt(inner(heavy, jumps.map(v => v * v)) / sum(heavy)))
  const step = -interpolate(-1, u, y), [quiet, still] = [0.03, 0.003].map(v => 1 / (1 + (noise / v) ** 2))
  const shrunk = lines[1].slope / (1 + (noise / 0.02) ** 2 * lines[1].squares)
  const straight = lines.map(line => within(line.slope * ahead)), level = lines.map(line => line.level)
  best = within(best), averaged = within(averaged), now = clip(now, -2 * noise, 2 * noise)
  const rises = [1, 2].map(i => Math.max(lines[i].slope, 0) * ahead)
  const location = [...level.slice(0, 3), now, ...straight, best, averaged, within(step * ahead),
    within(shrunk * ahead), ...rises, Math.min(...y), 1, quiet * level[0], quiet * averaged, quiet * straight[0],
    quiet * straight[2], still * now, still * best, still * straight[0], still * straight[2]]
  const scale = [Math.E, noise + 5e-4, scatter + 1e-3, Math.abs(averaged) + 0.003,
    Math.abs(lines[1].slope - lines[2].slope) + 0.003, Math.abs(lines[1].slope) + 0.01, u.length, -u[0],
    Math.abs(level[1] + straight[1] - averaged) + 0.003, Math.max(lines[1].slope, 0) + 0.01].map(Math.log)
  return [location, scale, step]
}

// Sizes in rising order and their losses; sizes measured twice become one.
function tidy(n, loss) {
  const sizes = [...new Set(n)].sort((a, b) => a - b)
  return [sizes, sizes.map(size => mean(loss.filter((_, i) => n[i] === size)))]
}

// The forecast `ahead` octaves beyond the largest size: quantile(level), chanceBelow(loss), the last step repeated.
function forecast(n, loss, ahead) {
  [n, loss] = tidy(n, loss)
  const [location, scale, step] = features(n, loss, ahead), grid = C.octaves, last = loss.at(-1)
  const place = interpolate(ahead, grid, [...grid.keys()]), low = Math.min(Math.floor(place), grid.length - 2)
  const between = get => get(low).map((v, i) => v + (place - low) * (get(low + 1)[i] - v))
  const middle = inner(location, between(k => C.location[k]))
  const spread = Math.exp(inner(scale, between(k => C.scale[k]))) * Math.max(ahead / grid.at(-1), 1)
  const fall = L.falls.filter(v => v < -middle / ahead).length
  const group = fall + (L.falls.length + 1) * (scale[L.noiseIndex] > Math.log(L.noisy))
  const logs = between(k => C.misses[k][group]).map(v => clip(middle + spread * v, -0.5 - 2 * ahead, 0.5 + ahead))
  return { last, lastStep: last * Math.exp(step * ahead),
    quantile: level => last * Math.exp(interpolate(level, C.levels, logs)),
    chanceBelow: bound => interpolate(Math.log(bound / last), logs, C.levels, 0, 1) }
}

// The weighted median and 90% interval of values, see regimes._median: [low, middle, high].
function picks(values, weight) {
  const order = [...values.keys()].sort((a, b) => values[a] - values[b]), total = sum(weight)
  let i = 0, seen = weight[order[0]]
  return [0.05, 0.5, 0.95].map(part => {
    while (seen < part * total && i < order.length - 1) seen += weight[order[++i]]
    return values[order[i]]
  })
}

// The regime by Bayes' rule over the curves of regimes._shapes: its name, both chances, exponent and floor.
function regime(n, loss) {
  const top = Math.max(...n), first = Math.min(...n) / top, size = n.map(v => v / top), y = loss.map(Math.log)
  const [lowest, highest, count] = L.floors
  const shares = Array.from({ length: count }, (_, i) => lowest + i / (count - 1) * (highest - lowest))
  const shapes = [], flats = []
  for (const floor of [0, ...shares]) for (const exponent of geometric(...L.steep))
    shapes.push({ exponent, floor, weight: floor ? 1 : shares.length, at: v => (1 - floor) * v ** -exponent + floor })
  for (const s of L.shifts) for (const c of geometric(first / 100, 1, L.amplitudes)) if (s * c < 0.95 * first)
    flats.push({ exponent: 1, floor: 1 / (1 + c / (1 - s * c)), weight: 1,
      at: v => (1 + c / Math.max(v - s * c, 0.05 * v)) / (1 + c / (1 - s * c)) })
  const halves = [shapes, flats].map(half => sum(half.map(shape => shape.weight)) * 2), all = [...shapes, ...flats]
  const fits = all.map(shape => {
    const away = size.map((v, i) => y[i] - Math.log(shape.at(v))), level = mean(away)
    return { level, squares: sum(away.map(v => (v - level) ** 2)) + L.priorPoints * L.priorNoise ** 2 }
  })
  const least = fits.reduce((low, fit) => Math.min(low, fit.squares), Infinity)
  const power = -(n.length - 1 + L.priorPoints) / 2, half = i => halves[Number(i >= shapes.length)]
  const weight = fits.map((fit, i) => all[i].weight / half(i) * (fit.squares / least) ** power)
  const total = sum(weight), resolution = sum(weight.slice(0, shapes.length)) / total
  const named = weight.map((v, i) => v * ((i < shapes.length) === (resolution >= 0.5)))
  const x = n.map(Math.log), dx = x.map(v => v - mean(x)), dy = y.map(v => v - mean(y)), sxx = inner(dx, dx)
  const slope = inner(dx, dy) / sxx, rest = Math.max(inner(dy, dy) - slope ** 2 * sxx, 0)
  const rising = slope > L.critical[n.length - 3] * Math.sqrt(rest / (n.length - 2) / sxx)
    && slope * Math.log(1 / first) > 2 * L.priorNoise
  return { name: rising ? "rising" : resolution >= 0.5 ? "resolution" : "variance",
    chance: Math.max(resolution, 1 - resolution), exponent: picks(all.map(shape => shape.exponent), named),
    floor: picks(all.map((shape, i) => shape.floor * Math.exp(fits[i].level)), named) }
}

// What twice the examples would buy, as regimes.Diagnosis has it.
function diagnose(n, loss) {
  const ahead = forecast(n, loss, 1)
  const [doubling, low, high] = [0.5, 0.95, 0.05].map(q => 1 - ahead.quantile(q) / ahead.last)
  const worth = ahead.chanceBelow(ahead.last * (1 - L.worth)), idle = 1 - ahead.chanceBelow(ahead.last * (1 - L.idle))
  const shape = regime(n, loss), sure = worth >= L.sure[0] ? "worth it" : idle >= L.sure[1] ? "stop" : "cannot tell"
  return { doubling, low, high, worth, idle, lastStep: 1 - ahead.lastStep / ahead.last, shape,
    verdict: shape.name === "rising" ? "cannot tell" : sure }
}
