// Chapter 04's explorer: how often a perceptron errs that was trained on the hardest, the easiest or random examples.
// DATA is { logKept, shares, angles, logErrors }, a table of labutils.selection.easy_hard.test_error: logErrors[which]
// [who errs: 0 the probe, 1 the labels][by which of the angles][share kept][kept examples per parameter].

const LEAST = Math.log(0.5), MOST = Math.log(64), POINTS = 80 // examples per parameter, before pruning; of each curve
const CLEAR = 1.02 // the second must err more by this factor, or there is no winner
const { orange, blue, grey } = draw.COLORS, LINES = { hard: [orange, ""], easy: [blue, "7 3"], random: [grey, "2 3"] }

const rounded = x => Number(x.toPrecision(2)), percent = x => draw.percent(x)
const HOW = "Of the examples you have, a part is kept: those nearest to a probe's boundary (hard), those farthest from "
  + "it (easy), or any. A perceptron learns from them. Choose who errs, the probe that ranks or whoever gave the "
  + "labels, and how often; the other knows the truth."
const box = draw.box("eh", "Easy or hard?", HOW)
const amount = box.slider("Examples per parameter",
  { max: 100, value: 56, shown: v => String(rounded(Math.exp(LEAST + v / 100 * (MOST - LEAST)))) })
const share = box.slider("Share kept", { max: DATA.shares.length - 1, value: DATA.shares.indexOf(0.5),
  shown: i => percent(DATA.shares[i]) })
const who = box.choice("Who errs", ["the probe that ranks", "whoever gave the labels"])
const off = box.slider("Wrong calls", { max: DATA.angles.length - 1,
  shown: i => `${percent(DATA.angles[i] / 180)} (${DATA.angles[i]} degrees off)` })
const plot = box.plot({ height: 250, x: { from: 0.5, to: 64, log: true, label: "examples per parameter, before pruning",
  ticks: [0.5, 1, 2, 4, 8, 16, 32, 64] }, y: { from: 0.004, to: 0.5, log: true, label: "error on the test",
  ticks: [0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005], text: percent } })

// The error: its logarithm is interpolated along the examples kept, and only there.
function errorOf(which, logAlpha) {
  const j = Number(share.value), x = logAlpha + Math.log(DATA.shares[j]), grid = DATA.logKept
  const errors = DATA.logErrors[which][who.value][off.value][j]
  let cell = 0
  while (cell < grid.length - 2 && x > grid[cell + 1]) cell++
  const along = Math.min(1, Math.max(0, (x - grid[cell]) / (grid[cell + 1] - grid[cell])))
  return Math.exp(errors[cell] + along * (errors[cell + 1] - errors[cell]))
}

// The curve of one choice over all numbers of examples, with a dot at the one set.
function curve(which, logAlpha) {
  const [color, dashes] = LINES[which], place = at => plot.at(Math.exp(at), errorOf(which, at))
  const points = Array.from({ length: POINTS + 1 }, (_, i) => place(LEAST + i / POINTS * (MOST - LEAST)))
  return draw.line(points, color, { dashes }) + draw.dot(place(logAlpha), color, 5)
}

function answer(logAlpha) {
  const ranked = Object.keys(LINES).map(which => [errorOf(which, logAlpha), which]).sort((a, b) => a[0] - b[0])
  const [[least, best], [second]] = ranked
  const winner = second / least < CLEAR ? "no clear winner."
    : best === "random" ? "keep a random draw." : `keep the ${best} ones.`
  const errors = ranked.map(([error, which]) => `${which} ${percent(error)}`).join(", ")
  const kept = rounded(Math.exp(logAlpha) * DATA.shares[share.value])
  return `Wrong on the test: ${errors}. You keep ${kept} examples per parameter: ${winner}`
}

function show() {
  const logAlpha = LEAST + Number(amount.value) / 100 * (MOST - LEAST), words = answer(logAlpha)
  const entries = Object.entries(LINES).map(([which, look]) => [which, ...look])
  plot.draw([...Object.keys(LINES).map(which => curve(which, logAlpha)), draw.legend(58, 158, ...entries)],
    `Test error against examples per parameter for hard, easy and random examples. ${words}`)
  return words
}

box.start(show)
