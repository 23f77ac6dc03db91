// Looks at the page as a reader would and returns sentences about what is wrong with it.
(() => {
  const wrong = [];
  for (const d of document.querySelectorAll("details")) d.open = true;

  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const widest = [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().left + Math.max(e.scrollWidth, e.getBoundingClientRect().width) > root.clientWidth + 1).reverse()
      .find(e => { for (let p = e.parentElement; p; p = p.parentElement) if (getComputedStyle(p).overflowX !== "visible") return false; return true; });
    wrong.push(`the page is wider than the screen: ${root.scrollWidth} > ${root.clientWidth}, first ${widest && widest.outerHTML.slice(0, 120)}`);
  }

  // Labels of one chart must not overlap, and must stay inside it.
  for (const svg of document.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].filter(t => t.textContent.trim() !== "");
    const boxes = texts.map(t => t.getBoundingClientRect());
    const name = svg.getAttribute("aria-label") || "a chart";
    boxes.forEach((a, i) => {
      if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1 || a.bottom > frame.bottom + 1) {
        wrong.push(`"${texts[i].textContent}" leaves its chart: ${name}`);
      }
      for (let j = i + 1; j < boxes.length; j++) {
        const b = boxes[j];
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        // Boxes of text have some empty room above and below the letters.
        if (wide > 0.5 && high > 3) wrong.push(`"${texts[i].textContent}" overlaps "${texts[j].textContent}": ${name}`);
      }
    });
  }

  // Contrast of every text with what is behind it: WCAG 2.1 wants 4.5.
  const parse = s => {
    const m = s.match(/[\d.]+/g).map(Number);
    return m.length < 4 ? [...m, 1] : m;
  };
  const light = c => {
    const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c[3] > 0.99) return c;
    }
    return [255, 255, 255, 1];
  };
  const seen = new Set();
  const check = (what, fore, back) => {
    const c = contrast(fore, back);
    const key = [fore, back].join();
    if (c < 4.5 && !seen.has(key)) {
      seen.add(key);
      wrong.push(`"${what.trim().slice(0, 40)}" has a contrast of ${c.toFixed(2)}: ${fore} on ${back}`);
    }
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() === "" || e.closest("title, script, style")) continue;
    const style = getComputedStyle(e);
    if (style.visibility === "hidden" || e.getClientRects().length === 0) continue;
    if (e instanceof SVGElement) {
      const fill = parse(style.fill);
      check(walker.currentNode.data, fill, behind(e));
      for (const zone of e.ownerSVGElement.querySelectorAll(".zone:not(.clear)")) {
        const a = zone.getBoundingClientRect(), b = e.getBoundingClientRect();
        if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) check(walker.currentNode.data, fill, parse(getComputedStyle(zone).fill));
      }
    } else {
      check(walker.currentNode.data, parse(style.color), behind(e));
    }
  }
  // What is drawn has to stand out too: WCAG 2.1 wants 3.
  for (const line of document.querySelectorAll("svg .line, svg .point")) {
    const c = contrast(parse(getComputedStyle(line).stroke), behind(line));
    if (c < 3 && !seen.has(line.getAttribute("class"))) {
      seen.add(line.getAttribute("class"));
      wrong.push(`${line.getAttribute("class")} is hard to see, contrast ${c.toFixed(2)}`);
    }
  }
  return wrong;
})()
