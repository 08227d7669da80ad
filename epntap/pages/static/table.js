// Sorts the table by the column whose name is clicked. Empty cells sort last in both directions; equal ones keep their order.
"use strict";
const table = document.querySelector(".grid table"), body = table.tBodies[0];
table.tHead.addEventListener("click", event => {
  const head = event.target.closest("th");
  if (!head) return;
  const column = head.cellIndex, numeric = head.hasAttribute("data-number");
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const keyed = Array.from(body.rows, row => {
    const cell = row.cells[column], first = cell.firstChild;
    return [first && first.nodeType === Node.TEXT_NODE ? first.data.trim() : cell.textContent, row];
  });
  keyed.sort(([a], [b]) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * (numeric ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0);
  });
  body.append(...keyed.map(([, row]) => row));
});
