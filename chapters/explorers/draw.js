// What the explorers share: a box with labelled controls, drawings with axes, and a sentence that says what they show.
// It stands before a script that uses it, see labutils.book.explorer.show; the chapter's DATA it leaves alone.

const draw = (() => {
  const STYLE = `.xp-row{display:flex;flex-wrap:wrap;gap:.2rem 1rem;align-items:center;margin:.4rem 0}
.xp-row>label{flex:1 1 14rem}.xp-row>input,.xp-row>select,.xp-row>textarea{flex:1 1 12rem;min-width:0;font:inherit;
color:inherit;accent-color:var(--accent,#00639a)}.xp-row>input[type=range]{height:2rem}.xp-row>select,.xp-row>textarea,
.xp-row>input[type=number],.xp button{padding:.3rem .6rem;background:var(--pst-color-background,Canvas);color:inherit;
border:1px solid currentColor;border-radius:6px;font:inherit}.xp svg{display:block;width:100%;max-width:28rem;
height:auto;font-size:14px;margin:.6rem 0}.xp output{display:block;min-height:3em}.xp [role=alert]:empty{display:none}
.xp [role=alert]{color:var(--bad,#ac3d08);font-weight:600}.xp text{fill:currentColor}.xp p.xp-how{font-size:.95rem}
.xp-pair{display:flex;flex-wrap:wrap;gap:0 1rem}.xp-pair>*{flex:1 1 17rem;min-width:0}`
  const COLORS = { blue: "#3a93d6", orange: "#d55e00", green: "#1a9b74", purple: "#a06fd0", grey: "#8a8a8a" }
  const RIGHT = 352, LEFT = 50, TOP = 26

  // An element with attributes (or properties, where a function is given) and children.
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag)
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") element[name] = value
      else element.setAttribute(name, value)
    }
    element.append(...children)
    return element
  }

  const percent = (x, digits = 2) => `${Number((100 * x).toPrecision(digits))}%`
  const number = x => x.toLocaleString("en", { maximumSignificantDigits: 3 })
  const short = x => x >= 1e6 ? `${number(x / 1e6)}M` : x >= 1e4 ? `${number(x / 1e3)}k` : number(x)
  const escaped = words => String(words).replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`)

  // Marks, as SVG: points are [x, y] in the drawing's own units.
  const text = (x, y, anchor, words, more = "") =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}" ${more}>${escaped(words)}</text>`
  const line = (points, color, { dashes = "", width = 2.5 } = {}) =>
    `<path d="M${points.map(point => point.map(v => v.toFixed(1)).join(" ")).join("L")}" fill="none"
stroke="${color}" stroke-width="${width}" stroke-dasharray="${dashes}"/>`
  const band = (low, high, color, opacity = 0.25) =>
    `<path d="M${[...low, ...[...high].reverse()].map(point => point.join(" ")).join("L")}Z" fill="${color}"
opacity="${opacity}"/>`
  const dot = ([x, y], color, radius = 4, more = "") =>
    `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius}" fill="${color}" ${more}/>`
  const legend = (x, y, ...entries) => entries.map(([words, color, dashes = ""], i) =>
    line([[x, y + 18 * i], [x + 26, y + 18 * i]], color, { dashes })
    + text(x + 32, y + 18 * i + 5, "start", words)).join("")
  // Ticks of a logarithmic axis: the numbers 1, 2 and 5 (or 1 alone) times powers of ten.
  function ticks(low, high) {
    const wide = high / low, near = wide > 4 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 7]
    const every = wide > 200 ? [1] : wide > 15 ? [1, 3] : near
    const found = []
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
      for (const each of every) found.push(Number((each * 10 ** power).toPrecision(2)))
    return found.filter(v => v >= low * 0.999 && v <= high * 1.001)
  }

  // The place in the drawing of a value on an axis { from, to, log } that is laid from `start` to `end`.
  function scale({ from, to, log }, start, end) {
    const f = log ? Math.log : v => v
    return value => start + (end - start) * (f(value) - f(from)) / (f(to) - f(from))
  }

  // Fills <form id> and returns the means to build in it: each control redraws when it is moved.
  function box(id, title, how) {
    const form = document.getElementById(id), out = make("output", { "aria-live": "polite" })
    let show = () => "", count = 0
    const redraw = () => { out.textContent = show() }
    form.classList.add("xp")
    form.setAttribute("aria-labelledby", `${id}-title`)
    form.onsubmit = () => false
    form.replaceChildren(make("style", {}, STYLE), make("p", { id: `${id}-title`, class: "claim-statement" }, title),
      make("p", { class: "xp-how" }, how), out)
    const add = (...elements) => out.before(...elements)

    // A label with its control; the label also shows what the control stands at, if `shown` is given.
    function control(label, element, shown) {
      const value = make("b")
      element.id = `${id}-${count++}`
      const name = make("label", { for: element.id }, label, shown ? ": " : "", value)
      add(make("div", { class: "xp-row" }, name, element))
      const say = () => {
        if (!shown) return
        value.textContent = shown(Number(element.value))
        element.setAttribute("aria-valuetext", value.textContent)
      }
      element.addEventListener("input", () => { say(); redraw() })
      element.say = say
      say()
      return element
    }

    const slider = (label, { min = 0, max, step = 1, value = min, shown = number }) =>
      control(label, make("input", { type: "range", min, max, step, value }), shown)

    const choice = (label, options) => control(label, make("select", {},
      ...options.map((words, value) => make("option", { value }, words))))

    // A button that moves a slider on, once to its end.
    function play(slider, pause = 250) {
      let timer = 0
      const button = make("button", { type: "button" }, "Play")
      const stop = () => {
        clearInterval(timer)
        timer = 0
        button.textContent = "Play"
        out.setAttribute("aria-live", "polite")
        redraw()
      }
      button.onclick = () => {
        if (timer) return stop()
        if (slider.value === slider.max) slider.value = slider.min
        button.textContent = "Pause"
        out.setAttribute("aria-live", "off") // or a screen reader would read out every step
        timer = setInterval(() => {
          slider.stepUp()
          slider.dispatchEvent(new Event("input"))
          if (slider.value === slider.max) stop()
        }, pause)
      }
      add(button)
      return button
    }

    // A drawing with axes { from, to, log, label, ticks, text }; `draw(marks, words)` draws and says what is seen.
    function plot({ x, y, height = 230 }) {
      const element = document.createElementNS("http://www.w3.org/2000/svg", "svg"), bottom = height - 42
      const clip = `${id}-clip-${count++}`, edges = `M${LEFT} ${TOP - 6}H${RIGHT + 8}V${bottom + 6}H${LEFT}Z`
      element.setAttribute("viewBox", `0 0 360 ${height}`)
      element.setAttribute("role", "img")
      add(element)
      const self = { x: scale(x, LEFT, RIGHT), y: scale(y, bottom, TOP), element }
      self.at = (a, b) => [self.x(a), self.y(b)]
      self.draw = (marks, words) => {
        const grid = (y.ticks || ticks(y.from, y.to)).map(v => `<path d="M${LEFT} ${self.y(v)}H${RIGHT}" opacity=".18"
stroke="currentColor"/>` + text(LEFT - 6, self.y(v) + 5, "end", (y.text || short)(v)))
        const below = (x.ticks || ticks(x.from, x.to)).map(v =>
          text(self.x(v), bottom + 18, "middle", (x.text || short)(v)))
        element.innerHTML = `<clipPath id="${clip}"><path d="${edges}"/></clipPath>` + grid.join("") + below.join("")
          + text(LEFT, 14, "start", y.label) + text((LEFT + RIGHT) / 2, height - 6, "middle", x.label)
          + `<g clip-path="url(#${clip})">${marks.join("")}</g>`
        element.setAttribute("aria-label", words)
      }
      return self
    }

    const start = what => { show = what; redraw() }
    return { add, control, slider, choice, play, plot, redraw, start, out, form }
  }

  return { COLORS, make, box, ticks, percent, number, short, text, line, band, dot, legend }
})()
