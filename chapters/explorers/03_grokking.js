// Chapter 03's explorer: a transformer on its way from sums by heart to the rule, with weight decay and without.
// DATA is { prime, runs: { name: { steps, train, test, at, trainAt, testAt, power, plane, keys } } }: accuracies at
// `steps`; and at the moments `at` accuracies, shares of the power by frequency, and places of the numbers in a plane.

const names = Object.keys(DATA.runs), p = DATA.prime, percent = x => draw.percent(x)
const HOW = "Move through the training. Each number has a row in the network's table: the bars show which frequencies "
  + "hold the power of that table, the plane the numbers on the two axes along which they differ most at the end, "
  + "joined in the order of the strongest frequency. A network that has found the rule lays them round a clock."
const box = draw.box("grok", "By heart, then by rule", HOW)
const choice = box.choice("Weight decay", names)
const slider = box.slider("Updates", { max: run().at.length - 1, value: 0, shown: i => draw.number(run().at[i] ?? 0) })
box.play(slider)

const every = names.map(name => DATA.runs[name]), most = Math.max(...every.map(each => each.steps.at(-1)))
const accuracy = box.plot({ height: 170, x: { from: 5, to: most, log: true, label: "updates" },
  y: { from: 0, to: 1.05, label: "accuracy", ticks: [0, 0.5, 1], text: percent } })
const highest = Math.max(...every.flatMap(each => each.power.flat()))
const tens = [0, 0.1, 0.2, 0.3, 0.4].filter(v => v < highest)
const power = box.plot({ height: 170, x: { from: 0, to: (p + 1) / 2, label: "frequency", ticks: [1, 10, 20] },
  y: { from: 0, to: 1.05 * highest, label: "share of the power", ticks: tens, text: percent } })
const plane = box.plot({ height: 330, x: { from: -1.07, to: 1.07, label: "", ticks: [] },
  y: { from: -1.07, to: 1.07, label: "the numbers, on two axes", ticks: [] } })
const left = draw.make("div", {}, accuracy.element, power.element)
box.add(draw.make("div", { class: "xp-pair" }, left, plane.element))

function run() {
  return DATA.runs[names[choice.value]]
}

// The numbers in the order in which a wave of frequency k meets them: a, a + 1/k, a + 2/k ... modulo p.
function aroundTheClock(k) {
  let step = 1
  while (step * k % p !== 1) step++
  return Array.from({ length: p }, (_, i) => i * step % p)
}

function show() {
  const now = run(), i = Math.min(Number(slider.value), now.at.length - 1), { blue, grey, orange } = draw.COLORS
  const share = now.keys.reduce((sum, k) => sum + now.power[i][k - 1], 0), count = now.keys.length
  const curve = values => now.steps.map((step, j) => accuracy.at(Math.max(step, 5), values[j]))
  const place = accuracy.x(Math.max(now.at[i], 5))
  const right = `${percent(now.trainAt[i])} of the training sums and ${percent(now.testAt[i])} of the others are right`
  accuracy.draw([draw.line(curve(now.train), grey, { dashes: "6 4" }), draw.line(curve(now.test), blue),
    draw.line([[place, 20], [place, 130]], orange, { width: 2 }),
    draw.dot([place, accuracy.y(now.testAt[i])], orange, 5),
    draw.legend(58, 38, ["training sums", grey, "6 4"], ["other sums", blue])],
  `Accuracy against updates. After ${now.at[i]} ${right}.`)
  power.draw(now.power[i].map((v, k) => draw.line([power.at(k + 1, 0), power.at(k + 1, v)],
    now.keys.includes(k + 1) ? orange : blue, { width: 7 })),
  `Power of the number table by frequency; orange: the ${count} frequencies that hold 90% of it at the end.`)
  const points = aroundTheClock(now.keys[0]).map(number => plane.at(...now.plane[i][number]))
  const clock = draw.line([...points, points[0]], blue, { width: 1.2 })
  plane.draw([clock, ...points.map(point => draw.dot(point, orange, 3.5))],
    `The ${p} numbers in a plane, joined in the order of frequency ${now.keys[0]}, after ${now.at[i]} updates.`)
  return `After ${now.at[i]} updates ${right}. The ${count} frequencies that hold 90% of the power at the end now hold `
    + `${percent(share)}; an even share would be ${percent(2 * count / (p - 1))}.`
}

choice.addEventListener("input", () => {
  slider.max = run().at.length - 1
  slider.value = Math.min(slider.value, slider.max)
  slider.say()
  box.redraw()
})
box.start(show)
