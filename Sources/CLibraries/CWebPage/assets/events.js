// Server-sent events out of a fetch response (WHATWG HTML, section 9.2.6); EventSource cannot POST.

export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let name = "";
  let data = [];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      // A CR that ends the chunk may be the first half of a CRLF: it waits for the next chunk.
      for (let end; (end = /\r\n|\n|\r(?!$)/.exec(text)); text = text.slice(end.index + end[0].length)) {
        const line = text.slice(0, end.index);
        if (line === "") {
          if (data.length) yield { name: name || "message", data: data.join("\n") };
          name = "";
          data = [];
          continue;
        }
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const rest = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "data") data.push(rest);
        if (field === "event") name = rest;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
