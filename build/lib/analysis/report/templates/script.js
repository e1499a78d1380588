"use strict";
// Sorts and filters the table of all trials, and loads an unfinished run's page again.

const trialTable = (() => {
  const root = document.getElementById("all-trials");
  if (!root) return null;
  const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const [search] = root.querySelectorAll("input");
  const [strategy, status] = root.querySelectorAll("select");
  const headings = [...root.querySelectorAll("thead th")];
  const body = root.querySelector("tbody");
  const more = root.querySelector(".more");
  const collator = new Intl.Collator("en", { numeric: true });
  const haystacks = data.rows.map((row) => row.join(" ").toLowerCase());
  // As the page was written: by accuracy, the highest first.
  const start = { column: 2, descending: true, query: "", strategy: "", status: "", shown: data.shown };
  let state = { ...start, ...(history.state || {}) };

  const offer = (select, column) => {
    for (const value of [...new Set(data.rows.map((row) => row[column]))].sort(collator.compare)) {
      select.add(new Option(value, value));
    }
  };

  const order = (column, descending) => {
    const keys = data.keys[column];
    const sign = descending ? -1 : 1;
    const places = data.rows.map((_, place) => place);
    if (!keys) {
      return places.sort((a, b) => sign * collator.compare(data.rows[a][column], data.rows[b][column]) || a - b);
    }
    return places.sort((a, b) => {
      // What has no number comes last, whichever way round.
      if (keys[a] === null || keys[b] === null) return (keys[a] === null) - (keys[b] === null) || a - b;
      return sign * (keys[a] - keys[b]) || a - b;
    });
  };

  const line = (row) => {
    const made = document.createElement("tr");
    row.forEach((text, column) => {
      const cell = document.createElement(column ? "td" : "th");
      if (column === 0) {
        cell.scope = "row";
        if (row[0] in data.look) {
          const dot = document.createElement("i");
          dot.className = `c${data.look[row[0]]}`;
          dot.setAttribute("aria-hidden", "true");
          dot.textContent = "\u25cf";
          cell.append(dot, "\u00a0");
        }
      }
      if (column in data.keys) cell.className = "number";
      cell.append(text); // as text, whatever it holds
      made.append(cell);
    });
    return made;
  };

  const show = () => {
    const words = state.query.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = order(state.column, state.descending).filter((place) => {
      const row = data.rows[place];
      return (!state.strategy || row[0] === state.strategy)
        && (!state.status || row[1] === state.status)
        && words.every((word) => haystacks[place].includes(word));
    });
    body.replaceChildren(...kept.slice(0, state.shown).map((place) => line(data.rows[place])));
    headings.forEach((heading, column) => {
      const way = state.descending ? "descending" : "ascending";
      heading.setAttribute("aria-sort", column === state.column ? way : "none");
    });
    const visible = Math.min(kept.length, state.shown);
    root.querySelector("output").textContent =
      `${visible.toLocaleString("en")} of ${kept.length.toLocaleString("en")} matching trials shown`;
    more.hidden = kept.length <= state.shown;
  };

  const change = (changes) => {
    state = { ...state, ...changes };
    show();
  };

  offer(strategy, 0);
  offer(status, 1);
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => {
      const again = column === state.column;
      // Numbers are of interest from the highest down, words from A to Z.
      change({ column, descending: again ? !state.descending : column in data.keys });
    });
    heading.append(button);
  });
  search.value = state.query;
  strategy.value = state.strategy;
  status.value = state.status;
  search.addEventListener("input", () => change({ query: search.value, shown: data.shown }));
  strategy.addEventListener("change", () => change({ strategy: strategy.value, shown: data.shown }));
  status.addEventListener("change", () => change({ status: status.value, shown: data.shown }));
  more.addEventListener("click", () => change({ shown: 4 * state.shown }));
  root.querySelector(".tools").hidden = false;
  show();
  return { state: () => state };
})();

const seconds = Number(document.body.dataset.reload);
if (seconds) {
  setInterval(() => {
    const busy = document.activeElement.matches("input, select") || String(getSelection());
    if (document.hidden || busy) return; // nobody looks, or somebody is in the middle of something
    if (trialTable) history.replaceState(trialTable.state(), "");
    location.reload();
  }, 1000 * seconds);
}
