// Chapter 04's explorer: how often a perceptron errs that was trained on the hardest, the easiest or random examples.
// DATA is { logKept, logFraction, angles, logErrors }, a table of labutils.selection.easy_hard.test_error:
// logErrors[which][i][j][k] with the probe angles[i] degrees off, share kept j, kept examples per parameter k.

const LEAST = Math.log(0.5), MOST = Math.log(64) // examples per parameter, before pruning
const TICKS = { x: [0.5, 1, 2, 4, 8, 16, 32, 64], y: [0.5, 0.2, 0.1, 0.05, 0.02, 0.01] }
const LINES = { hard: ["#D55E00", ""], easy: ["#3a93d6", "7 3"], random: ["#8a8a8a", "2 3"] } // colour, dashes
const POINTS = 80 // of each curve
const FLOOR = 180 // where curves that leave the plot below are cut off
const CLEAR = 1.02 // the second must err more by this factor, or there is no winner

const element = name => document.getElementById(`eh-${name}`)
const rounded = x => x.toPrecision(2)

// Position in the drawing of a number of examples (its logarithm) and of an error.
const across = logAlpha => 46 + 300 * (logAlpha - LEAST) / (MOST - LEAST)
const down = error => 8 + 168 * Math.log(0.5 / error) / Math.log(100)

// The cell of a grid that x lies in, and how far along, 0 to 1; the nearest cell's end for an x outside.
function place(grid, x) {
  let cell = 0
  while (cell < grid.length - 2 && x > grid[cell + 1]) cell++
  const along = (x - grid[cell]) / (grid[cell + 1] - grid[cell])
  return [cell, Math.min(1, Math.max(0, along))]
}

// The error between the table's points: its logarithm is interpolated in all three directions.
function errorOf(which, logAlpha, logFraction, angle) {
  const [k, alongKept] = place(DATA.logKept, logAlpha + logFraction)
  const [j, alongFraction] = place(DATA.logFraction, logFraction)
  const [i, alongAngle] = place(DATA.angles, angle)
  let sum = 0
  for (const x of [0, 1]) for (const y of [0, 1]) for (const z of [0, 1]) {
    const weight = (x ? alongKept : 1 - alongKept) * (y ? alongFraction : 1 - alongFraction)
      * (z ? alongAngle : 1 - alongAngle)
    sum += weight * DATA.logErrors[which][i + z][j + y][k + x]
  }
  return Math.exp(sum)
}

const text = (x, y, anchor, words) =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="currentColor">${words}</text>`
const line = (path, [color, dashes]) =>
  `<path d="${path}" fill="none" stroke="${color}" stroke-width="2.5" stroke-dasharray="${dashes}"/>`

function axes() {
  const grid = TICKS.y.map(error => `<path d="M46 ${down(error)}H346" stroke="currentColor" opacity=".15"/>`
    + text(40, down(error) + 4, "end", `${100 * error}%`))
  const numbers = TICKS.x.map(alpha => text(across(Math.log(alpha)), 197, "middle", alpha))
  return [...grid, ...numbers, text(196, 218, "middle", "examples per parameter")].join("")
}

// The curve of one choice over all numbers of examples, with a dot at the one set.
function curve(which, logAlpha, logFraction, angle) {
  const height = at => Math.min(FLOOR, down(errorOf(which, at, logFraction, angle)))
  const points = Array.from({ length: POINTS + 1 }, (_, i) => {
    const at = LEAST + i / POINTS * (MOST - LEAST)
    return `${across(at)} ${height(at)}`
  })
  const dot = `<circle cx="${across(logAlpha)}" cy="${height(logAlpha)}" r="5" fill="${LINES[which][0]}"/>`
  return line(`M${points.join("L")}`, LINES[which]) + dot
}

function legend() {
  return Object.keys(LINES).map((which, i) =>
    line(`M60 ${118 + 20 * i}h26`, LINES[which]) + text(92, 123 + 20 * i, "start", which)).join("")
}

function answer(logAlpha, logFraction, angle) {
  const ranked = Object.keys(LINES).map(which => [errorOf(which, logAlpha, logFraction, angle), which])
    .sort((one, other) => one[0] - other[0])
  const [[least, best], [second]] = ranked
  const winner = second / least < CLEAR ? "no clear winner."
    : best === "random" ? "keep a random draw." : `keep the ${best} ones.`
  const errors = ranked.map(([error, which]) => `${which} ${rounded(100 * error)}%`).join(", ")
  const kept = rounded(Math.exp(logAlpha + logFraction))
  return `Wrong on the test: ${errors}. You keep ${kept} examples per parameter: ${winner}`
}

// What a slider stands at, beside it and for screen readers.
function say(name, shown, spoken = shown) {
  element(`${name}v`).textContent = shown
  element(name).setAttribute("aria-valuetext", spoken)
}

function show() {
  const [position, percent, angle] = ["a", "f", "t"].map(name => Number(element(name).value))
  const logAlpha = LEAST + position / 100 * (MOST - LEAST), logFraction = Math.log(percent / 100)
  const curves = Object.keys(LINES).map(which => curve(which, logAlpha, logFraction, angle))
  element("g").innerHTML = axes() + curves.join("") + legend()
  say("a", rounded(Math.exp(logAlpha)))
  say("f", `${percent}%`)
  say("t", `${angle}°`, `${angle} degrees`)
  element("out").textContent = answer(logAlpha, logFraction, angle)
}

for (const name of ["a", "f", "t"]) element(name).addEventListener("input", show)
show()
