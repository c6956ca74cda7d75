// The scoreboard's filter: shows the rows of one chapter, kind or verdict, and opens the folds that hold any.
// DATA is { chapter, kind, verdict }, the values one can choose of each.

const form = document.querySelector("form.filter")
const folds = [...document.querySelectorAll("details.claims")]
const open = folds.map(fold => fold.open) // as the page came

const boxes = Object.entries(DATA).map(([name, values]) => {
  const box = document.createElement("select")
  box.add(new Option("all", ""))
  for (const value of values) box.add(new Option(value, value))
  const label = document.createElement("label")
  label.append(`${name} `, box)
  form.append(label)
  box.addEventListener("change", show)
  return box
})

const cell = (row, label) => row.querySelector(`td[data-label="${label}"]`).textContent

function show() {
  const [chapter, kind, verdict] = boxes.map(box => box.value)
  const chosen = Boolean(chapter || kind || verdict)
  let total = 0
  folds.forEach((fold, i) => {
    let own = 0
    for (const row of fold.querySelectorAll("tbody tr")) {
      const fits = (!chapter || cell(row, "Chapter") === chapter)
        && (!kind || fold.dataset.kind === kind)
        && (!verdict || cell(row, "Verdict").slice(2) === verdict)
      row.hidden = !fits
      own += fits
    }
    fold.hidden = own === 0
    fold.open = chosen ? own > 0 : open[i]
    total += own
  })
  document.getElementById("board-count").textContent = chosen ? `${total} claims` : ""
}

form.hidden = false
