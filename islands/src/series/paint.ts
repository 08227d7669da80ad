// Draws panels below each other over one axis of time: lines with the range of each bin, spectrograms in colours.

import { placed, roundValues, scaleOf, written } from "./scale";
import type { Scale } from "./scale";
import { ticks } from "./time";
import type { Span } from "./time";
import { isNumber, labelOf } from "./values";
import type { LinesPanel, Panel, SpectrogramPanel } from "./values";

export const PANEL_HEIGHT = 190;
const GAP = 26;
const BELOW = 42;
const ABOVE = 22;

export interface Look {
  text: string;
  quiet: string;
  line: string;
  ground: string;
  font: string;
  colours: readonly string[];
}

/** Apart for people who see few colours, and readable on the ground of either scheme. */
export const LIGHT = ["#0b62b4", "#b5460f", "#1d7a3c", "#7b3fa0", "#8a6d00", "#a3195b", "#00707d", "#555555", "#3d3db0", "#7a4a2b", "#4f7300", "#b02a2a"];
export const DARK = ["#6db3f8", "#ff9d5c", "#6fd08c", "#cf9bf2", "#e2c044", "#ff8fbd", "#4ed0de", "#b9bfc7", "#a4a4ff", "#d6a684", "#b4d654", "#ff8a80"];
/** From low to high; rises in lightness, so that it is read without colours too. */
const STOPS = [[68, 1, 84], [72, 40, 120], [62, 73, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137], [53, 183, 121], [110, 206, 88], [181, 222, 43], [253, 231, 37]] as const;

const PALETTE = (() => {
  const made = new Uint32Array(256);
  const bytes = new Uint8ClampedArray(made.buffer);
  for (let index = 0; index < 256; index += 1) {
    const place = (index / 255) * (STOPS.length - 1);
    const [from, to] = [STOPS[Math.floor(place)] ?? STOPS[0], STOPS[Math.ceil(place)] ?? STOPS[0]];
    for (const channel of [0, 1, 2] as const) bytes[index * 4 + channel] = from[channel] + (to[channel] - from[channel]) * (place % 1);
    bytes[index * 4 + 3] = 255;
  }
  return made;
})();

export interface Frame {
  width: number;
  left: number;
  right: number;
}

export function frameOf(width: number): Frame {
  const narrow = width < 600;
  return { width, left: narrow ? 56 : 76, right: narrow ? 54 : 72 };
}

export function heightOf(panels: number): number {
  return ABOVE + Math.max(panels, 1) * (PANEL_HEIGHT + GAP) - GAP + BELOW;
}

export function topOf(number: number): number {
  return ABOVE + number * (PANEL_HEIGHT + GAP);
}

export class Painter {
  private readonly context: CanvasRenderingContext2D;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly look: Look,
    private readonly frame: Frame,
    private readonly span: Span,
  ) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser has no canvas");
    this.context = context;
  }

  paint(panels: readonly Panel[], events: readonly (readonly [number, number])[] = []): void {
    const { context, canvas, frame } = this;
    const ratio = window.devicePixelRatio || 1;
    const height = heightOf(panels.length);
    canvas.width = Math.round(frame.width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = `12px ${this.look.font}`;
    context.fillStyle = this.look.ground;
    context.fillRect(0, 0, frame.width, height);
    const marks = ticks(this.span, Math.max(2, Math.floor((frame.width - frame.left - frame.right) / 90)));
    panels.forEach((panel, number) => {
      const top = topOf(number);
      context.strokeStyle = this.look.line;
      context.lineWidth = 1;
      for (const mark of marks) this.segment(this.x(mark.at), top, this.x(mark.at), top + PANEL_HEIGHT);
      if (panel.kind === "lines") this.lines(panel, top, ratio);
      else this.spectrogram(panel, top, ratio);
      this.events(events, top);
      context.strokeStyle = this.look.quiet;
      context.strokeRect(frame.left + 0.5, top + 0.5, frame.width - frame.left - frame.right - 1, PANEL_HEIGHT - 1);
    });
    const bottom = topOf(Math.max(panels.length, 1) - 1) + PANEL_HEIGHT;
    context.fillStyle = this.look.text;
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const mark of marks) {
      context.fillText(mark.label, this.x(mark.at), bottom + 6);
      if (mark.below) context.fillText(mark.below, this.x(mark.at), bottom + 21);
    }
  }

  /** A shade over each event; an instant is as wide as can be seen. */
  private events(events: readonly (readonly [number, number])[], top: number): void {
    const { context, frame } = this;
    const right = frame.width - frame.right;
    context.fillStyle = "#f0a30a";
    context.globalAlpha = 0.3;
    for (const [start, stop] of events) {
      const [from, to] = [Math.max(this.x(start), frame.left), Math.min(this.x(stop), right)];
      if (from <= right && to >= frame.left) context.fillRect(from, top, Math.max(to - from, 1), PANEL_HEIGHT);
    }
    context.globalAlpha = 1;
  }

  x(time: number): number {
    const { frame, span } = this;
    return frame.left + ((time - span.start) / (span.stop - span.start)) * (frame.width - frame.left - frame.right);
  }

  private segment(x0: number, y0: number, x1: number, y1: number): void {
    this.context.beginPath();
    this.context.moveTo(Math.round(x0) + 0.5, y0);
    this.context.lineTo(Math.round(x1) + 0.5, y1);
    this.context.stroke();
  }

  private axis(scale: Scale, top: number, label: string, note: string): (value: number) => number {
    const { context, frame, look } = this;
    const y = (value: number): number => top + PANEL_HEIGHT * (1 - placed(scale, value));
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of roundValues(scale, 5)) {
      const place = Math.round(y(value)) + 0.5;
      context.strokeStyle = look.line;
      context.beginPath();
      context.moveTo(frame.left, place);
      context.lineTo(frame.width - frame.right, place);
      context.stroke();
      context.fillStyle = look.text;
      context.fillText(written(value), frame.left - 6, place, frame.left - 8);
    }
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    context.fillStyle = look.text;
    const room = frame.width - frame.left - 8;
    context.fillText(label, frame.left, top - 7, room);
    const said = context.measureText(label).width + 12;
    context.fillStyle = look.quiet;
    if (note && room - said > 120) context.fillText(note, frame.left + said, top - 7, room - said);
    return y;
  }

  private lines(panel: LinesPanel, top: number, ratio: number): void {
    const { context, frame, look } = this;
    let [low, high] = [Infinity, -Infinity];
    for (const line of panel.lines) {
      for (const values of [line.values, line.low ?? [], line.high ?? []]) {
        for (const value of values) {
          if (value === null || (panel.log && value <= 0)) continue;
          if (value < low) low = value;
          if (value > high) high = value;
        }
      }
    }
    const y = this.axis(scaleOf(low, high, panel.log), top, labelOf(panel), panel.note);
    context.save();
    context.beginPath();
    context.rect(frame.left, top, frame.width - frame.left - frame.right, PANEL_HEIGHT);
    context.clip();
    panel.lines.forEach((line, number) => {
      const colour = look.colours[number % look.colours.length] ?? look.text;
      if (line.low && line.high) this.band(panel.times, line.low, line.high, y, colour);
      this.line(panel.times, line.values, y, colour, ratio);
    });
    context.restore();
    if (panel.lines.length < 2 && !panel.lines[0]?.name) return;
    context.textAlign = "left";
    context.textBaseline = "middle";
    panel.lines.forEach((line, number) => {
      context.fillStyle = look.colours[number % look.colours.length] ?? look.text;
      context.fillText(line.name, frame.width - frame.right + 8, top + 10 + (number * (PANEL_HEIGHT - 12)) / Math.max(panel.lines.length, 8), frame.right - 10);
    });
  }

  private band(times: readonly number[], low: readonly (number | null)[], high: readonly (number | null)[], y: (value: number) => number, colour: string): void {
    const { context } = this;
    context.fillStyle = colour;
    context.globalAlpha = 0.22;
    for (let first = 0; first < times.length; ) {
      let last = first;
      while (last < times.length && isNumber(low[last]) && isNumber(high[last])) last += 1;
      if (last > first) {
        context.beginPath();
        for (let at = first; at < last; at += 1) context.lineTo(this.x(times[at] ?? 0), y(high[at] ?? 0));
        for (let at = last - 1; at >= first; at -= 1) context.lineTo(this.x(times[at] ?? 0), y(low[at] ?? 0));
        context.closePath();
        context.fill();
      }
      first = last + 1;
    }
    context.globalAlpha = 1;
  }

  private line(times: readonly number[], values: readonly (number | null)[], y: (value: number) => number, colour: string, ratio: number): void {
    const { context } = this;
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = ratio > 1 ? 1.25 : 1.4;
    context.lineJoin = "round";
    context.beginPath();
    let isOpen = false;
    const points: [number, number][] = [];
    for (let at = 0; at < times.length; at += 1) {
      const value = values[at];
      const place = isNumber(value) ? y(value) : NaN;
      if (!Number.isFinite(place)) {
        isOpen = false;
        continue;
      }
      const x = this.x(times[at] ?? 0);
      points.push([x, place]);
      if (isOpen) context.lineTo(x, place);
      else context.moveTo(x, place);
      isOpen = true;
    }
    context.stroke();
    // where there is room each is shown: a record alone has no line
    if (points.length > (this.frame.width - this.frame.left - this.frame.right) / 7) return;
    for (const [x, place] of points) context.fillRect(x - 2, place - 2, 4, 4);
  }

  private spectrogram(panel: SpectrogramPanel, top: number, ratio: number): void {
    const { context, frame } = this;
    let [low, high] = [Infinity, -Infinity];
    for (const row of panel.edges) {
      for (const edge of row) {
        if (edge === null || (panel.axis.log && edge <= 0)) continue;
        if (edge < low) low = edge;
        if (edge > high) high = edge;
      }
    }
    const scale: Scale = low < high ? { low, high, log: panel.axis.log } : scaleOf(low, high, panel.axis.log);
    const [width, height] = [Math.max(1, Math.round((frame.width - frame.left - frame.right) * ratio)), Math.round(PANEL_HEIGHT * ratio)];
    const colours = colourScale(panel);
    const image = raster(panel, this.span, scale, colours, width, height);
    const behind = document.createElement("canvas");
    [behind.width, behind.height] = [width, height];
    behind.getContext("2d")?.putImageData(image, 0, 0);
    const axis = panel.axis.units ? `${panel.axis.title} (${panel.axis.units})` : panel.axis.title;
    this.axis(scale, top, `${labelOf(panel)}${axis ? ` over ${axis}` : ""}`, panel.note);
    context.drawImage(behind, frame.left, top, frame.width - frame.left - frame.right, PANEL_HEIGHT);
    this.bar(colours, top);
  }

  /** What the colours mean. */
  private bar(scale: Scale, top: number): void {
    const { context, frame, look } = this;
    const left = frame.width - frame.right + 8;
    for (let row = 0; row < PANEL_HEIGHT; row += 1) {
      const colour = PALETTE[Math.round((1 - row / PANEL_HEIGHT) * 255)] ?? 0;
      context.fillStyle = `rgb(${colour & 255} ${(colour >> 8) & 255} ${(colour >> 16) & 255})`;
      context.fillRect(left, top + row, 10, 1.5);
    }
    context.fillStyle = look.text;
    context.textAlign = "left";
    context.textBaseline = "middle";
    for (const value of roundValues(scale, 4)) {
      const place = placed(scale, value);
      if (place >= 0 && place <= 1) context.fillText(written(value), left + 13, Math.min(Math.max(top + PANEL_HEIGHT * (1 - place), top + 6), top + PANEL_HEIGHT - 6), frame.right - 22);
    }
  }
}

function colourScale(panel: SpectrogramPanel): Scale {
  const [low, high] = panel.span ?? [NaN, NaN];
  return low < high ? { low, high, log: panel.log && low > 0 } : scaleOf(low, high, false);
}

/** Row 0 is at the top. */
function raster(panel: SpectrogramPanel, span: Span, scale: Scale, colours: Scale, width: number, height: number): ImageData {
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const heights = Array.from({ length: height }, (_, row) => {
    const place = 1 - (row + 0.5) / height;
    return scale.log ? scale.low * (scale.high / scale.low) ** place : scale.low + place * (scale.high - scale.low);
  });
  const shades = new Map<number, Uint32Array>();
  let column = 0;
  let shared: Int32Array | null = null;
  for (let x = 0; x < width; x += 1) {
    const time = span.start + ((x + 0.5) / width) * (span.stop - span.start);
    while (column < panel.stops.length && (panel.stops[column] ?? 0) <= time) column += 1;
    if (column >= panel.stops.length) break;
    if ((panel.starts[column] ?? 0) > time) continue;
    const channels = panel.edges.length > 1 ? channelsOf(panel.edges[column] ?? [], heights) : (shared ??= channelsOf(panel.edges[0] ?? [], heights));
    let shade = shades.get(column);
    if (!shade) {
      shade = Uint32Array.from(panel.values[column] ?? [], (value) => {
        const place = value === null ? NaN : placed(colours, value);
        return Number.isNaN(place) ? 0 : (PALETTE[Math.round(Math.min(Math.max(place, 0), 1) * 255)] ?? 0);
      });
      shades.set(column, shade);
    }
    for (let y = 0; y < height; y += 1) {
      const channel = channels[y] ?? -1;
      if (channel >= 0) pixels[y * width + x] = shade[channel] ?? 0;
    }
  }
  return image;
}

/** For each height the channel whose edges are around it, -1 for none. */
function channelsOf(edges: readonly (number | null)[], heights: readonly number[]): Int32Array {
  const found = new Int32Array(heights.length).fill(-1);
  let channel = edges.length - 2;
  heights.forEach((height, row) => {
    while (channel >= 0 && !((edges[channel] ?? NaN) <= height)) channel -= 1;
    const upper = channel >= 0 ? edges[channel + 1] : null;
    if (isNumber(upper) && height <= upper) found[row] = channel;
  });
  return found;
}
