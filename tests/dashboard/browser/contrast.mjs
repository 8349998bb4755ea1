// Runs in the page: every text that can be seen, against what lies behind it (WCAG 2, 1.4.3: 4.5 to 1, large ones 3 to 1).

export function poorContrasts() {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

  /** Any colour that CSS can write, as [red, green, blue, alpha] from 0 to 1. */
  function channels(colour) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((channel) => channel / 255);
  }

  const over = (front, back) => [0, 1, 2].map((index) => front[index] * front[3] + back[index] * (1 - front[3])).concat(1);

  function ground(element) {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const layer = channels(getComputedStyle(at).backgroundColor);
      layers.push(layer);
      if (layer[3] > 0.99) break;
    }
    return layers.reverse().reduce((back, layer) => over(layer, back), [1, 1, 1, 1]);
  }

  function luminance(colour) {
    const [red, green, blue] = colour.map((channel) => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  let looked = 0;
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    const style = getComputedStyle(element);
    const isSeen = node.textContent.trim() && element.checkVisibility({ visibilityProperty: true }) && !element.closest(".unseen, :disabled, noscript, .skip");
    if (!isSeen) continue;
    looked += 1;
    const back = ground(element);
    const front = over(channels(element instanceof SVGElement ? style.fill : style.color), back);
    const [light, dark] = [luminance(front), luminance(back)].sort((left, right) => right - left);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)} "${node.textContent.trim().slice(0, 30)}"`);
  }
  return { looked, poor };
}
