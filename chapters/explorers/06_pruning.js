// Chapter 06's explorer: which pictures of a class a rule keeps and drops, and the error of a probe on what is kept.
// DATA is { name: { shares, rows, class, all, tiles, sprite, rules: { rule: { bands, errors } } } }: each band holds
// numbers in the sprite, of pictures kept at its share and not before (the last: never); an error is value, low, high.

const names = Object.keys(DATA), RANDOM = "random, by class"
const percent = x => draw.percent(x)
const HOW = "Choose a rule and move the share kept: pictures above the orange line are kept, those below it are "
  + "dropped. All are of one class, the one that the probe finds hardest."
const box = draw.box("prune", "Which pictures stay?", HOW)
const set = box.choice("Data", names)
const rule = box.choice("Rule", Object.keys(DATA[names[0]].rules))
const slider = box.slider("Share kept",
  { max: DATA[names[0]].shares.length - 1, value: 1, shown: i => percent(DATA[names[0]].shares[i]) })
const shelf = draw.make("div", { class: "xp-shelf" })
const shares = DATA[names[0]].shares, all = names.flatMap(name => errorsOf(DATA[name]))
const plot = box.plot({
  x: { from: shares[0] / 1.3, to: shares.at(-1) * 1.3, log: true, label: "share kept", ticks: shares, text: percent },
  y: { from: Math.min(...all) / 1.2, to: Math.max(...all) * 1.1, log: true, label: "error", text: percent },
})
box.add(draw.make("style", {}, `.xp-shelf{display:grid;gap:.3rem;margin:.8rem 0}.xp-shelf p{margin:0;font-size:.92rem}
.xp-band{display:flex;gap:3px;max-width:28rem}.xp-band i{flex:0 1 2.9rem;aspect-ratio:1;background-repeat:no-repeat;
image-rendering:pixelated;border-radius:3px}.xp-dropped .xp-band{opacity:.35}
.xp-line{border-top:3px solid #d55e00;max-width:28rem;padding-top:.2rem}`))
box.form.append(shelf)

function errorsOf(found) {
  return [...Object.values(found.rules).flatMap(each => each.errors.map(e => e[0])), found.all[0]]
}

// A row of pictures out of the sprite, and what it is for those who do not see it.
function pictures(found, band, words) {
  const tiles = band.map(i => {
    const tile = draw.make("i"), last = Math.max(found.tiles - 1, 1)
    tile.style.backgroundImage = `url(${found.sprite})`
    tile.style.backgroundSize = `${100 * found.tiles}% 100%`
    tile.style.backgroundPosition = `${100 * i / last}% 0`
    return tile
  })
  return draw.make("div", { class: "xp-band", role: "img", "aria-label": words }, ...tiles)
}

function fill(found, bands, at) {
  const edges = [0, ...found.shares, 1]
  shelf.replaceChildren(...bands.map((band, i) => {
    const span = i ? `${percent(edges[i])} to ${percent(edges[i + 1])}` : `first ${percent(edges[1])}`
    const state = i <= at ? "kept" : "dropped", line = i === at + 1 ? " xp-line" : ""
    const seen = `${band.length} pictures of the class ${found.class}, ${span} by this rule: ${state}`
    return draw.make("div", { class: `xp-${state}${line}` }, draw.make("p", {}, `${span}: ${state}`),
      band.length ? pictures(found, band, seen) : "none of this class")
  }))
}

function marks(errors, color, dashes, radius) {
  const points = errors.map(([value], i) => plot.at(shares[i], value))
  const bars = errors.map(([, low, high], i) =>
    draw.line([plot.at(shares[i], Math.max(low, 1e-3)), plot.at(shares[i], high)], color, { width: 1.5 }))
  return [draw.line(points, color, { dashes }), ...bars, ...points.map(point => draw.dot(point, color, radius))]
}

function show() {
  const found = DATA[names[set.value]], name = Object.keys(found.rules)[rule.value], at = Number(slider.value)
  const { bands, errors } = found.rules[name], random = found.rules[RANDOM].errors, [value, low, high] = errors[at]
  const { blue, grey, orange } = draw.COLORS, rows = Math.round(found.shares[at] * found.rows).toLocaleString("en")
  fill(found, bands, at)
  const beside = name === RANDOM ? "" : `; with as many random rows, ${percent(random[at][0])}`
  const words = `${rows} of the ${found.rows.toLocaleString("en")} rows of ${names[set.value]} kept by the rule `
    + `“${name}”: the probe errs on ${percent(value)} of the test rows (90% interval `
    + `${percent(Math.max(low, 0))} to ${percent(high)})${beside}; with all rows, ${percent(found.all[0])}.`
  const others = [["random", grey, "6 4"], ["all rows", "currentColor", "2 4"]]
  const lines = name === RANDOM ? others : [[name, blue], ...others]
  const ends = [plot.at(shares[0] / 1.3, found.all[0]), plot.at(shares.at(-1) * 1.3, found.all[0])]
  plot.draw([draw.line(ends, "currentColor", { dashes: "2 4", width: 1.5 }), ...marks(random, grey, "6 4", 3),
    ...name === RANDOM ? [] : marks(errors, blue, "", 3), draw.dot(plot.at(shares[at], value), orange, 6),
    draw.legend(58, 188 - 18 * lines.length, ...lines)],
  `Error against the share kept, for ${name} (solid), random rows (dashed) and all rows (dotted). ${words}`)
  return words
}

box.start(show)
