// Chapter 10's explorer: one cloud of points is turned onto another, step by step, without knowing a single pair.
// DATA is { names, target, ways: { name: { points, found, near } } }: the steps' names; places in a plane of the unseen
// inputs in the target space; and for each step their places as translated, the share found, the mean nearest cosine.

const names = Object.keys(DATA.ways), percent = x => draw.percent(x), last = DATA.names.length - 1
const HOW = "Circles: inputs as network A' sees them. Dots: the same inputs as A sees them, translated so far. A line "
  + "joins each dot with its own circle; the method does not know these lines. It starts several times: see the start "
  + "that it keeps, and one that it gives up."
const box = draw.box("align", "Two clouds, no pairs", HOW)
const choice = box.choice("Start", names)
const slider = box.slider("Step", { max: last, value: 0, shown: i => `${i} of ${last}, ${DATA.names[i]}` })
box.play(slider, 400)

const lowest = Math.min(...names.flatMap(name => DATA.ways[name].near))
const plane = box.plot({ height: 320, x: { from: -1.05, to: 1.05, label: "", ticks: [] },
  y: { from: -1.05, to: 1.05, label: "inputs on the longest two axes of A'", ticks: [] } })
const quality = box.plot({ height: 200, x: { from: 0, to: last, label: "step", ticks: [0, 5, 10, 15, 20] },
  y: { from: Math.min(0, lowest), to: 1.05, label: "judged against the step", ticks: [0, 0.5, 1] } })
box.add(draw.make("div", { class: "xp-pair" }, plane.element, draw.make("div", {}, quality.element)))

function show() {
  const way = DATA.ways[names[choice.value]], i = Number(slider.value), { blue, orange, green } = draw.COLORS
  const circles = DATA.target.map(([x, y]) => plane.at(x, y)), dots = way.points[i].map(([x, y]) => plane.at(x, y))
  const ties = dots.map((dot, k) => draw.line([dot, circles[k]], "currentColor", { width: 0.6 })).join("")
  plane.draw([`<g opacity=".45">${ties}</g>`,
    ...circles.map(point => draw.dot(point, "none", 4, `stroke="${blue}" stroke-width="1.6"`)),
    ...dots.map(point => draw.dot(point, orange, 2.6))],
  `Circles and dots in a plane. Step ${i}, ${DATA.names[i]}: ${percent(way.found[i])} of the inputs are found.`)
  const line = (values, color, dashes) => draw.line(values.map((v, k) => quality.at(k, v)), color, { dashes })
  quality.draw([line(way.found, orange, ""), line(way.near, green, "6 4"),
    draw.line([quality.at(i, 0), quality.at(i, 1.05)], "currentColor", { width: 1 }),
    draw.dot(quality.at(i, way.found[i]), orange, 5), draw.dot(quality.at(i, way.near[i]), green, 5),
    draw.legend(170, 82, ["share found", orange], ["nearest cosine", green, "6 4"])],
  `Against the steps: share found, now ${percent(way.found[i])}, and mean cosine of a point to its nearest, now `
    + `${way.near[i].toFixed(2)}; the second needs no pairs.`)
  const other = DATA.ways[names[1 - choice.value]], step = DATA.names[i]
  return `${step[0].toUpperCase()}${step.slice(1)}: ${percent(way.found[i])} of the inputs lie nearest to their own `
    + `counterpart (chance: ${percent(1 / DATA.unseen)}). All that the method can see is how near the clouds are: a `
    + `mean cosine of ${way.near[i].toFixed(2)} to the nearest point, ${way.near[last].toFixed(2)} at the end, against `
    + `${other.near[last].toFixed(2)} at the end of the other start.`
}

box.start(show)
