// Chapter 02's calculator: does a data set fit into a model, and can its examples be told from others?
// DATA is { slope, middle, height } of the membership law, see labutils.budget.capacity.LAW.

const HOW = "A model holds a few bits for each parameter: 2 to 4 on this page, 3.6 as is often quoted, less if it is "
  + "not trained to the end. Your data have at most as many bits as a compressor makes of them, so zip them and look."
const box = draw.box("budget", "Does it fit? A calculator", HOW)
const number = (label, value) => box.control(label,
  draw.make("input", { type: "number", inputmode: "decimal", min: 0, step: "any", value }))
const fields = [number("Parameters, in millions", 1000), number("Bits for each parameter", 3.6),
  number("Your data after compression (zip, xz), in megabytes", 2000), number("Number of examples", 1000000)]
const alert = draw.make("p", { role: "alert" })
box.add(alert)
const X = [0.1, 1000], plot = box.plot({ height: 210,
  x: { from: X[0], to: X[1], log: true, label: "bits of data per parameter", ticks: [0.1, 1, 10, 100] },
  y: { from: 0.45, to: 1.02, label: "F1 of guessing who was in the training set", ticks: [0.5, 0.75, 1] } })

// F1 of guessing membership at x bits of data per parameter.
function membership(x) {
  return Math.min(1, 0.5 * (1 + DATA.height / (1 + Math.exp(DATA.slope * (x - DATA.middle)))))
}

function answer(parameters, bitsEach, need, examples) {
  const room = parameters * bitsEach // bits, like need
  const fits = need <= room
    ? "they fit, and can be learned by heart; only held-out data will tell you what was understood."
    : `at most ${draw.number(room / examples)} of the ${draw.number(need / examples)} bits of an example can be kept.`
  return `The model holds ${draw.number(room / 8e6)} MB. Your data are ${draw.number(need / room)} times that: ${fits}`
    + ` At ${draw.number(need / parameters)} bits of data per parameter the law above lets membership be guessed with`
    + ` an F1 of at most ${draw.number(membership(need / parameters))} (chance: 0.5); it counts tokens before`
    + " compression, so for text it is less."
}

function show() {
  const [millions, bitsEach, megabytes, examples] = fields.map(field => Number(field.value))
  const right = [millions, bitsEach, megabytes, examples].every(value => value > 0 && value < 1e15)
  fields.forEach(field => field.setAttribute("aria-invalid", String(!(Number(field.value) > 0))))
  alert.textContent = right ? "" : "Enter four numbers above zero."
  if (!right) return ""
  const load = megabytes * 8e6 / (millions * 1e6), shown = Math.min(X[1], Math.max(X[0], load))
  const grid = Array.from({ length: 81 }, (_, i) => X[0] * (X[1] / X[0]) ** (i / 80))
  const curve = grid.map(x => plot.at(x, membership(x)))
  const { blue, orange, grey } = draw.COLORS, words = answer(millions * 1e6, bitsEach, megabytes * 8e6, examples)
  const full = plot.x(Math.min(X[1], Math.max(X[0], bitsEach)))
  plot.draw([draw.line([[full, 20], [full, 168]], grey, { dashes: "6 4" }), draw.line(curve, blue),
    draw.dot(plot.at(shown, membership(load)), orange, 6),
    draw.legend(58, 96, ["the law", blue], ["full", grey, "6 4"]), draw.dot([71, 132], orange, 6),
    draw.text(90, 137, "start", "your data")],
  `F1 of guessing membership against bits of data per parameter; dashed: the model is full. ${words}`)
  return words
}

box.start(show)
