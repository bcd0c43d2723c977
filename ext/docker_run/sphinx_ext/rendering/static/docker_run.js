/* Buttons that copy: one at each line that a reader types, and one for all commands of a block unless
   sphinx-copybutton has put its own there. The page is complete without them. */

(() => {
  "use strict";

  const TERMINAL = "pre.docker-run-terminal";
  const SHOWN = ".gp, .go, .docker-run-copy";
  /* Pasted with the command, what is typed into a program would be run by the reader's own shell. */
  const NOT_FOR_THE_SHELL = `${SHOWN}, .g-Typed`;
  const KEYS = /^(\^.)*$/;
  const DONE_MILLISECONDS = 1500;
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
    made.title = label;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", async () => {
      const done = await copied(text);
      show(made, done ? "copied" : "failed");
      announcements.textContent = done ? words.copied : words.failed;
      setTimeout(() => {
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

  function equip(terminal) {
    for (const line of typedLines(terminal)) {
      const text = textOf(line);
      line.prepend(button(`${words.command}: ${text.split("\n", 1)[0]}`, text));
    }
    const frame = terminal.parentElement;
    const commands = textOf(terminal, NOT_FOR_THE_SHELL);
    if (commands && !frame.querySelector(".copybtn")) {
      frame.classList.add("docker-run-copied");
      frame.append(button(words.block, commands));
    }
  }

  announcements.className = "docker-run-announcements";
  announcements.setAttribute("role", "status");
  /* After sphinx-copybutton, which waits for a script of its own. */
  window.addEventListener("load", () => {
    document.body.append(announcements);
    document.querySelectorAll(TERMINAL).forEach(equip);
  });
})();
