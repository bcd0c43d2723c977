/* Buttons that copy: one at each line that a reader types, and one for all commands of a block unless
   sphinx-copybutton has put its own there. And long outputs are folded. The page is complete without this. */

(() => {
  "use strict";

  const TERMINAL = "pre.docker-run-terminal";
  const SHOWN = ".gp, .go, .docker-run-copy, .docker-run-fold";
  /* Pasted with the command, what is typed into a program would be run by the reader's own shell. */
  const NOT_FOR_THE_SHELL = `${SHOWN}, .g-Typed`;
  const KEYS = /^(\^.)*$/;
  const DONE_MILLISECONDS = 1500;
  const LONGEST_LABEL = 80;
  /* With it, what is folded is found by the browser's search. */
  const FOLDED = "onbeforematch" in document.body ? "until-found" : "";
  const ICONS = {
    copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
    copied: "M3 8.5l3.5 3.5L13 4.5",
    failed: "M4 4l8 8M12 4l-8 8",
  };
  const words = document.currentScript.dataset;
  const announcements = document.createElement("div");

  function textOf(element, without = SHOWN) {
    const copy = element.cloneNode(true);
    copy.querySelectorAll(without).forEach((part) => part.remove());
    return copy.textContent.replace(/\n$/, "");
  }

  /* Pages from a file or by plain HTTP have no navigator.clipboard. */
  function copiedBySelection(text) {
    const field = document.createElement("textarea");
    const focused = document.activeElement;
    field.value = text;
    field.className = "docker-run-clipboard";
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    focused?.focus({ preventScroll: true });
    return copied;
  }

  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return copiedBySelection(text);
    }
  }

  function show(made, state) {
    made.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[state]}"/></svg>`;
    made.dataset.state = state;
  }

  function button(label, text) {
    const made = document.createElement("button");
    show(made, "copy");
    made.type = "button";
    made.className = "docker-run-copy";
    made.setAttribute("aria-label", label);
    let timer = 0;
    made.addEventListener("click", async () => {
      clearTimeout(timer);
      announcements.textContent = "";
      const done = await copied(text);
      show(made, done ? "copied" : "failed");
      announcements.textContent = done ? words.copied : words.failed;
      timer = setTimeout(() => {
        show(made, "copy");
        announcements.textContent = "";
      }, DONE_MILLISECONDS);
    });
    return made;
  }

  /* Of a line that is emphasised, the parts are inside an element of its own. */
  function isOf(node, selector) {
    const part = node.matches?.(".hll") ? node.querySelector(".gp, .go") : node;
    return part?.matches?.(selector) ?? false;
  }

  /* A line that is typed is what follows a prompt, up to the next prompt or output. A prompt may have several
     parts, in several colours; `gp-More` is that of a command's further lines. */
  function typedLines(terminal) {
    const found = [];
    let command = null;
    for (const node of [...terminal.childNodes]) {
      if (isOf(node, ".go")) {
        command = null;
      } else if (isOf(node, ".gp:not(.gp-More)") && (!command || textOf(command))) {
        command = document.createElement("span");
        command.className = "docker-run-command";
        node.before(command);
        found.push(command);
      }
      command?.append(node);
    }
    return found.filter((line) => !KEYS.test(textOf(line)));
  }

  /* Fold what follows the first lines of an output, unless the reader has searched for what is there. */
  function foldRest(nodes) {
    const rest = document.createElement("span");
    const toggle = document.createElement("button");
    const more = words.unfold.replace("{}", nodes.reduce((sum, node) => sum + linesIn(node), 0));
    const fold = (folded) => {
      if (folded) rest.setAttribute("hidden", FOLDED);
      else rest.removeAttribute("hidden");
      toggle.textContent = folded ? more : words.fold;
    };
    rest.className = "docker-run-folded";
    nodes[0].before(toggle, rest);
    for (const node of nodes) rest.append(node);
    rest.addEventListener("beforematch", () => fold(false));
    toggle.type = "button";
    toggle.className = "docker-run-fold";
    toggle.addEventListener("click", () => fold(!rest.hasAttribute("hidden")));
    fold(!rest.querySelector(".highlighted"));
  }

  function linesIn(node) {
    return node.textContent.split("\n").length - 1;
  }

  /* An output is what follows a command, up to the next one. One more line takes no more room than a button. */
  function foldLong(terminal) {
    const limit = Number(terminal.dataset.fold);
    let lines = 0;
    let rest = [];
    const fold = () => {
      /* A line that goes on with a prompt stays with it. */
      while (rest.length && !rest.at(-1).textContent.endsWith("\n")) rest.pop();
      if (rest.reduce((sum, node) => sum + linesIn(node), 0) > 1) foldRest(rest);
      lines = 0;
      rest = [];
    };
    for (const node of [...terminal.childNodes]) {
      if (!isOf(node, ".go")) {
        fold();
      } else if (lines >= limit) {
        rest.push(node);
      } else {
        lines += linesIn(node);
      }
    }
    fold();
  }

  function equip(terminal) {
    if (terminal.dataset.fold) foldLong(terminal);
    for (const line of typedLines(terminal)) {
      const text = textOf(line);
      const first = text.split("\n", 1)[0];
      const shown = first.length > LONGEST_LABEL ? `${first.slice(0, LONGEST_LABEL)}…` : first;
      line.prepend(button(`${words.command}: ${shown}`, text));
    }
  }

  function addBlockButton(terminal) {
    const frame = terminal.parentElement;
    const commands = textOf(terminal, NOT_FOR_THE_SHELL);
    if (commands && !frame.querySelector(".copybtn")) {
      frame.classList.add("docker-run-copied");
      frame.append(button(words.block, commands));
    }
  }

  /* A block that fails leaves the others as they are. */
  function each(change) {
    for (const terminal of document.querySelectorAll(TERMINAL)) {
      try {
        change(terminal);
      } catch (error) {
        console.error(error);
      }
    }
  }

  announcements.className = "docker-run-announcements";
  announcements.setAttribute("role", "status");
  /* After Sphinx has marked what the reader has searched for. */
  document.addEventListener("DOMContentLoaded", () => {
    document.body.append(announcements);
    each(equip);
  });
  /* After sphinx-copybutton, which waits for a script of its own. */
  window.addEventListener("load", () => each(addBlockButton));
})();
