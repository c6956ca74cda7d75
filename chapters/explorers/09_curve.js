// Chapter 09's explorer: paste your learning curve; see its forecast, what twice the data would buy, and the verdict.
// DATA is { laws, example }: what 09_diagnosis.js needs, and the lines { n, errors } of the chapter's own example.

const AHEAD = 4 // octaves that the fan reaches
const STEPS = Array.from({ length: 33 }, (_, i) => Math.max(i / 8, 0.01)) // of the fan, in octaves
const percent = v => draw.percent(v)
const whole = x => Math.round(x).toLocaleString("en")
const share = x => `${Math.round(100 * x)}%`.replace("-0%", "0%").replace("-", "−")

const HOW = "Paste your learning curve, one size a line: the number of training examples, then the share of wrong "
  + "answers on a test set; repeats in further columns. Or choose or drop a csv file with a column n and "
  + "one or more columns named error. Nothing leaves your computer."
const box = draw.box("curve", "What would more data buy you?", HOW)
const area = box.control("Examples, error", draw.make("textarea", { rows: 7, spellcheck: "false" }))
const file = box.control("Or a csv file", draw.make("input", { type: "file", accept: ".csv,.tsv,.txt,text/*" }))
const slider = box.slider("Forecast for",
  { min: 1, max: 8 * AHEAD, value: 8, shown: v => `${times(v / 8)} the examples` })
const alert = draw.make("p", { role: "alert" })
box.add(alert)
let plot = null, known = { text: null }

function times(octaves) {
  return octaves === 1 ? "twice" : `${draw.number(2 ** octaves)} times`
}

// The columns of a header line: numbers of examples, and errors.
function columnsOf(cells) {
  const names = cells.map(cell => cell.replace(/^["']|["']$/g, "").trim().toLowerCase())
  const size = names.findIndex(name => /^(n|n_train|sizes?|rows)$|examples/.test(name))
  const errors = [...names.keys()].filter(i => /err|loss|wrong/.test(names[i]))
  if (size < 0 || !errors.length)
    throw Error("The first line names no column n (or size, rows, examples) and no column error; name them so.")
  return [size, ...errors]
}

// { n, loss } of the text, the mean of the repeats of a line; throws an Error that says what is wrong with it.
function parse(text) {
  const n = [], loss = []
  let columns = null
  text.split(/\r\n|\r|\n/).forEach((line, at) => {
    if (!line.trim()) return
    if (line.includes(";")) line = line.replace(/(\d),(\d)/g, "$1.$2") // decimal commas
    const cells = /[,;\t]/.test(line) ? line.split(/[,;\t]/).map(cell => cell.trim()) : line.trim().split(/\s+/)
    if (!n.length && !columns && cells.every(cell => !cell || Number.isNaN(Number(cell))))
      return columns = columnsOf(cells)
    const picked = columns ? columns.map(i => cells[i] ?? "") : cells, where = `Line ${at + 1}`
    const filled = picked.filter((cell, i) => cell !== "" || i < 2), values = filled.map(Number)
    const [size, ...errors] = values
    const bad = filled.findIndex((cell, i) => cell === "" || Number.isNaN(values[i]))
    if (values.length < 2) throw Error(`${where} has one number; it needs the number of examples and an error.`)
    if (bad >= 0) throw Error(`${where}: “${filled[bad]}” is no number.`)
    if (!(size > 0 && size < 1e15)) throw Error(`${where}: the number of examples is ${size}; it must be above 0.`)
    const high = errors.find(error => error > 1), low = errors.find(error => error <= 0)
    if (high) throw Error(`${where}: the error is ${high}; it must be a share, at most 1 (12% is 0.12).`)
    if (low !== undefined) throw Error(`${where}: the error is ${low}; it must be above 0 (none: say half a row).`)
    n.push(size)
    loss.push(mean(errors))
  })
  const sizes = new Set(n).size
  if (sizes < 4) throw Error(`${sizes} different size${sizes === 1 ? "" : "s"}; a forecast needs at least 4.`)
  if (n.length > L.most) throw Error(`${n.length} lines; at most ${L.most}.`)
  return { n, loss }
}

// The same words as those of labutils.laws.regimes.
function words(d, top) {
  const [low, exponent, high] = d.shape.exponent.map(v => v.toFixed(2))
  const floor = Number(d.shape.floor[1].toPrecision(3))
  if (d.shape.name === "rising")
    return "You cannot tell in data: the loss rises with the examples. Look for the fault, or begin after the peak."
  const verdict = {
    "worth it": `Worth it in data: at least ${share(L.worth)} with a chance of ${share(d.worth)}.`,
    "stop": `Stop in data: at most ${share(L.idle)} with a chance of ${share(d.idle)}.`,
    "cannot tell": `You cannot tell yet in data: measure at ${whole(2 * top)} next.`,
  }[d.verdict]
  const gain = `Twice the examples would remove ${share(d.doubling)} of the loss (90% interval ${share(d.low)} to `
    + `${share(d.high)}; the last doubling: ${share(d.lastStep)}).`
  const shape = d.shape.name === "resolution"
    ? `It looks resolution-limited (${share(d.shape.chance)}): what falls has exponent ${exponent} (${low} to ${high}).`
    : `It looks variance-limited (${share(d.shape.chance)}): it comes near a floor of ${floor}.`
  return `${verdict} ${gain} ${shape}`
}

// All that does not depend on the slider, worked out once for a text.
function read(text) {
  const { n, loss } = parse(text), top = Math.max(...n)
  const fan = STEPS.map(ahead => forecast(n, loss, ahead)), ends = fan.map(f => [f.quantile(0.05), f.quantile(0.95)])
  const low = Math.min(...loss, ...ends.map(e => e[0])), high = Math.max(...loss, ...ends.map(e => e[1]))
  plot?.element.remove()
  plot = box.plot({ height: 260,
    x: { from: Math.min(...n) / 1.1, to: top * 2 ** AHEAD * 1.1, log: true, label: "examples" },
    y: { from: low / 1.1, to: high * 1.1, log: true, label: "error; the fan: 50% and 90% intervals", text: percent } })
  return { n, loss, top, fan, text, said: words(diagnose(n, loss), top) }
}

function show() {
  alert.textContent = ""
  try {
    if (area.value !== known.text) known = read(area.value)
  } catch (error) {
    plot?.element.remove()
    known = { text: null }
    alert.textContent = error.message
    return ""
  }
  const { n, loss, top, fan, said } = known, octaves = Number(slider.value) / 8, f = forecast(n, loss, octaves)
  const edge = level => fan.map((each, i) => plot.at(top * 2 ** STEPS[i], each.quantile(level)))
  const target = top * 2 ** octaves, [low, middle, high] = [0.05, 0.5, 0.95].map(f.quantile)
  const { blue, orange } = draw.COLORS
  const guess = `With ${whole(target)} examples, ${times(octaves)} as many, an error of ${percent(middle)} is `
    + `to be expected (90% interval ${percent(low)} to ${percent(high)}).`
  plot.draw([draw.band(edge(0.05), edge(0.95), blue, 0.2), draw.band(edge(0.25), edge(0.75), blue, 0.3),
    draw.line(edge(0.5), blue), ...n.map((v, i) => draw.dot(plot.at(v, loss[i]), "currentColor", 3.5)),
    draw.line([plot.at(target, low), plot.at(target, high)], orange), draw.dot(plot.at(target, middle), orange, 5)],
  `Your ${n.length} errors against the number of examples, and a fan of forecasts that widens to the right. ${guess}`)
  return `${said} ${guess}`
}

async function take(chosen) {
  if (!chosen) return
  area.value = chosen.size > 1e6 ? "" : await chosen.text()
  box.redraw()
  if (chosen.size > 1e6) alert.textContent = `${chosen.name} is larger than a megabyte; a curve has a few lines.`
}

file.oninput = () => take(file.files[0])
area.addEventListener("dragover", event => event.preventDefault())
area.addEventListener("drop", event => {
  if (!event.dataTransfer.files.length) return
  event.preventDefault()
  take(event.dataTransfer.files[0])
})
area.value = DATA.example.n.map((n, i) => [n, ...DATA.example.errors.map(run => run[i])].join(", ")).join("\n")
box.start(show)
