// Markdown to DOM nodes. Text only ever becomes a text node, so nothing in an answer can be markup of the page.

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  for (const child of children.flat()) element.append(child);
  return element;
}

// Shows Markdown in an element. Blocks that are unchanged keep their nodes, so that a selection and a scrolled code block
// outlive the growth of the answer.
export function show(source, element, depth = 0) {
  const blocks = split(source);
  blocks.forEach((block, index) => {
    const old = element.children[index];
    if (old?.source === block) return;
    const node = depth < DEPTH ? render(block, depth + 1) : h("p", {}, plain(block));
    node.source = block;
    if (old) old.replaceWith(node);
    else element.append(node);
  });
  while (element.children.length > blocks.length) element.lastElementChild.remove();
}

// The deepest nesting of lists and quotations.
const DEPTH = 8;
const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^\s`]*)/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*)$/;
const RULE = /^ {0,3}([-*_])(\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const DIVIDER = /^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

function kind(line, next) {
  if (!line.trim()) return "blank";
  if (FENCE.test(line)) return "fence";
  if (HEADING.test(line)) return "heading";
  if (RULE.test(line)) return "rule";
  if (ITEM.test(line)) return "list";
  if (QUOTE.test(line)) return "quote";
  if (line.includes("|") && next?.includes("|") && DIVIDER.test(next)) return "table";
  return "text";
}

// The source of each block, in order.
function split(source) {
  const lines = source.split(/\r\n|\n|\r/);
  const blocks = [];
  for (let i = 0; i < lines.length; ) {
    const start = i;
    const type = kind(lines[i], lines[i + 1]);
    i += 1;
    if (type === "blank") continue;
    if (type === "fence") {
      const mark = FENCE.exec(lines[start])[1];
      const isEnd = (line) => line.trim().startsWith(mark) && /^[`~]+$/.test(line.trim());
      while (i < lines.length && !isEnd(lines[i])) i += 1;
      i += 1;
    } else if (type === "list") {
      const [, indent, mark] = ITEM.exec(lines[start]);
      for (; i < lines.length; i += 1) {
        const item = ITEM.exec(lines[i]);
        if (item && item[1].length <= indent.length && item[2].at(-1) !== mark.at(-1)) break;
        const here = kind(lines[i], lines[i + 1]);
        const isInside = /^\s{2,}\S/.test(lines[i]);
        if (here === "blank" ? !continues(lines[i + 1]) : here !== "list" && here !== "text" && !isInside) break;
      }
    } else if (type === "quote") {
      while (i < lines.length && kind(lines[i]) === "quote") i += 1;
    } else if (type === "table") {
      while (i < lines.length && lines[i].includes("|")) i += 1;
    } else if (type === "text") {
      while (i < lines.length && kind(lines[i], lines[i + 1]) === "text") i += 1;
    }
    blocks.push(lines.slice(start, i).join("\n"));
  }
  return blocks;
}

function continues(line) {
  return line !== undefined && (ITEM.test(line) || /^\s{2,}\S/.test(line));
}

function render(block, depth) {
  const lines = block.split("\n");
  switch (kind(lines[0], lines[1])) {
    case "fence": return fence(lines);
    case "heading": {
      const [, marks, text] = HEADING.exec(lines[0]);
      // The page's own headings are h1 and h2.
      return h("h" + Math.min(marks.length + 2, 6), { dir: "auto" }, inline(text));
    }
    case "rule": return h("hr");
    case "list": return list(lines, depth);
    case "quote": {
      const text = lines.map((line) => line.replace(QUOTE, "")).join("\n");
      const quote = h("blockquote", { dir: direction(text) });
      show(text, quote, depth);
      return quote;
    }
    case "table": return table(lines);
    default: return h("p", { dir: "auto" }, inline(block));
  }
}

// dir=auto does not look into children that have a direction of their own, so lists and quotations ask here.
function direction(text) {
  return /^[^\p{L}]*[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC]/u.test(text) ? "rtl" : "ltr";
}

function fence(lines) {
  const [, mark, language] = FENCE.exec(lines[0]);
  const last = lines.at(-1).trim();
  const isClosed = lines.length > 1 && last.startsWith(mark) && /^[`~]+$/.test(last);
  const code = lines.slice(1, isClosed ? -1 : undefined).join("\n");
  return h("div", { className: "fence" },
    h("div", { className: "fence-head" }, h("span", {}, language || "code"), copyButton(() => code, "Copy code")),
    h("pre", { tabIndex: 0, role: "region", "aria-label": `Code${language ? ", " + language : ""}` },
      h("code", {}, code)));
}

function list(lines, depth) {
  const [, indent, mark] = ITEM.exec(lines[0]);
  const number = parseInt(mark, 10);
  const element = h(isNaN(number) ? "ul" : "ol", { dir: direction(lines[0]) });
  if (number >= 0 && number !== 1) element.start = number;
  const items = [];
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item && item[1].length <= indent.length + 1) items.push([item[3]]);
    else items.at(-1).push(line.replace(/^(\t| {1,4})/, ""));
  }
  for (const item of items) {
    const blocks = h("li");
    show(item.join("\n"), blocks, depth);
    const first = blocks.firstElementChild;
    if (first?.tagName === "P") {
      while (first.firstChild) first.before(first.firstChild);
      first.remove();
    }
    const task = /^\[([ xX])\]\s/.exec(blocks.firstChild?.data ?? "");
    if (task) blocks.firstChild.data = (task[1] === " " ? "☐ " : "☑ ") + blocks.firstChild.data.slice(4);
    element.append(blocks);
  }
  return element;
}

function table(lines) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((c) => c.trim().replaceAll("\\|", "|"));
  const row = (line, tag) => h("tr", {}, cells(line).map((cell) => h(tag, {}, inline(cell))));
  return h("div", { className: "table", tabIndex: 0, role: "region", "aria-label": "Table" },
    h("table", { dir: direction(lines[0]) }, h("thead", {}, row(lines[0], "th")), h("tbody", {}, lines.slice(2).map((line) => row(line, "td")))));
}

const INLINE = new RegExp([
  "\\\\([\\\\`*_{}\\[\\]()#+.!~|>-])",  // 1: an escaped mark
  "(`+)(?!`)([^]*?[^`])\\2(?!`)",  // 2, 3: code
  "(\\*\\*|__)(?=\\S)([^]*?\\S)\\4(?![\\w*])",  // 4, 5: strong
  "(?<![\\w*_])(\\*|_)(?=[^\\s*_])([^]*?[^\\s*_])\\6(?![\\w*_])",  // 6, 7: emphasis
  "~~(?=\\S)([^]*?\\S)~~",  // 8: struck
  "!?\\[([^\\]\\n]*)\\]\\(<?([^\\s<>()]*(?:\\([^\\s()]*\\)[^\\s<>()]*)*)>?(?:\\s+[\"'][^\\n]*?[\"'])?\\)",  // 9, 10: link
  "<?(https?:\\/\\/[^\\s<>\"]*[^\\s<>\"'.,;:!?)\\]*_~`])>?",  // 11: address
].join("|"), "g");

// Looking for the partners of thousands of marks takes long: such a block is shown as it is.
const INLINE_LIMIT = 8000;

function inline(source) {
  if (source.length > INLINE_LIMIT) return plain(source);
  const nodes = [];
  let end = 0;
  for (const match of source.matchAll(INLINE)) {
    nodes.push(plain(source.slice(end, match.index)));
    end = match.index + match[0].length;
    if (match[1]) nodes.push(match[1]);
    else if (match[3] !== undefined) nodes.push(h("code", {}, match[3].replace(/^ (.*[^ ].*) $/, "$1")));
    else if (match[5] !== undefined) nodes.push(h("strong", {}, inline(match[5])));
    else if (match[7] !== undefined) nodes.push(h("em", {}, inline(match[7])));
    else if (match[8] !== undefined) nodes.push(h("s", {}, inline(match[8])));
    else if (match[10] !== undefined) nodes.push(link(match[10], inline(match[9] || match[10]), match[0]));
    else nodes.push(link(match[11], plain(match[11]), match[0]));
  }
  nodes.push(plain(source.slice(end)));
  return nodes.flat();
}

function link(address, content, source) {
  const url = URL.parse ? URL.parse(address) : URL.canParse?.(address) ? new URL(address) : null;
  if (!url || !["http:", "https:", "mailto:", "tel:"].includes(url.protocol)) return source;
  return h("a", { href: url.href, title: url.href, target: "_blank", rel: "noopener noreferrer nofollow" }, content);
}

// Text with its line breaks. Marks that turn the reading direction, and can make an address read as another one, are
// shown instead of obeyed.
export function plain(text) {
  const nodes = [];
  for (const part of text.split(/(\n|[\u202A-\u202E])/)) {
    if (part === "\n") nodes.push(h("br"));
    else if (/^[\u202A-\u202E]$/.test(part)) {
      nodes.push(h("span", { className: "bidi" }, "U+" + part.charCodeAt(0).toString(16).toUpperCase()));
    } else if (part) nodes.push(part);
  }
  return nodes;
}

export function copyButton(text, label) {
  const button = h("button", { type: "button", className: "quiet", "aria-label": label }, "Copy");
  button.addEventListener("click", async () => {
    let isCopied = true;
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      isCopied = false;  // No permission, or a page without TLS on another machine.
    }
    button.textContent = isCopied ? "Copied" : "Not allowed";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return button;
}
