"use strict";

const EXAMPLE =
  "MOSCOW (AP) — Iranian President Ebrahim Raisi met Vladimir Putin in Moscow on Wednesday. The two leaders signed a " +
  "trade agreement. On Thursday the United States imposed sanctions on an Iranian bank, and Tehran condemned the " +
  "decision. Israel did not attack Iran, but it threatened to strike its nuclear sites.";
const EXAMPLE_DATE = "2022-01-21";

const [form, text, date, run, example, status, problem, result] = [
  "form", "text", "date", "run", "example", "status", "problem", "result",
].map((id) => document.getElementById(id));

// The style sheet that comes with an answer. The policy of this page bars style elements, not style sheets of its own
// script.
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets = [sheet];

async function show() {
  if (run.getAttribute("aria-disabled") === "true" || !form.reportValidity()) return;
  busy(true);
  try {
    const answer = await fetch("render", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ text: text.value, date: date.value || null }),
    });
    if (!answer.ok) throw new Error((await answer.json()).detail);
    place(await answer.text());
  } catch (error) {
    result.hidden = true;
    status.textContent = "";
    problem.textContent = error instanceof TypeError ? "The server cannot be reached." : error.message;
  } finally {
    busy(false);
  }
}

function busy(working) {
  run.setAttribute("aria-disabled", String(working));
  if (!working) return;
  problem.textContent = "";
  status.textContent = "Reading the text …";
}

function place(html) {
  // Nothing in a template loads, runs or is styled; the server has escaped the text besides.
  const template = document.createElement("template");
  template.innerHTML = html;
  for (const style of template.content.querySelectorAll("style")) {
    sheet.replaceSync(style.textContent);
    style.remove();
  }
  result.replaceChildren(template.content);
  result.hidden = false;
  const events = result.querySelectorAll(".ge-events tbody tr").length;
  status.textContent = events === 0 ? "No events found." : events === 1 ? "1 event found." : `${events} events found.`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  show();
});
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) show();
});
example.addEventListener("click", () => {
  text.value = EXAMPLE;
  date.value = EXAMPLE_DATE;
  show();
});

// A link such as /#text=Putin%20met%20Xi.&date=2022-02-04 shows its events; the text is in no address that is logged.
function readLink() {
  const linked = new URLSearchParams(location.hash.slice(1));
  if (!linked.has("text")) return;
  text.value = linked.get("text");
  date.value = linked.get("date") ?? "";
  show();
}
addEventListener("hashchange", readLink);
readLink();
