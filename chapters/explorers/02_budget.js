// Chapter 02's calculator: does a data set fit into a model, and can its examples be told from others?
// DATA is { slope, middle, height } of the membership law, see labutils.budget.capacity.LAW.

const names = ["p", "b", "m", "n"] // parameters, bits for each, megabytes of data, number of examples
const element = name => document.getElementById(`budget-${name}`)
const number = x => x.toLocaleString("en", { maximumSignificantDigits: 3 })

// F1 of guessing membership at x bits of data per parameter.
function membership(x) {
  return 0.5 * (1 + DATA.height / (1 + Math.exp(DATA.slope * (x - DATA.middle))))
}

function answer(parameters, bitsEach, need, examples) {
  const room = parameters * bitsEach // bits, like need
  if (!(parameters > 0 && room > 0 && need > 0 && examples > 0)) return "Enter four numbers above zero."
  const load = need / parameters
  const fits = need <= room
    ? "they fit, and can be learned by heart; only held-out data will tell you what was understood."
    : `at most ${number(room / examples)} of the ${number(need / examples)} bits of an example can be kept.`
  const f1 = Math.min(1, membership(load))
  return `The model holds ${number(room / 8e6)} MB. Your data are ${number(need / room)} times that: ${fits}`
    + ` At ${number(load)} bits of data per parameter the law above lets membership be guessed with an F1 of at most`
    + ` ${number(f1)} (chance: 0.5); it counts tokens before compression, so for text it is less.`
}

function show() {
  const [millions, bitsEach, megabytes, examples] = names.map(name => Number(element(name).value))
  element("out").textContent = answer(millions * 1e6, bitsEach, megabytes * 8e6, examples)
}

for (const name of names) element(name).addEventListener("input", show)
show()
