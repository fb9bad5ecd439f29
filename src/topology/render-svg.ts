// The same picture as nested boxes. Colours follow lstopo, so that its users read it at once.
import { containment, formatBytes, type Box } from './containment.js';
import type { Topology } from './topology.js';
import type { NumaNode } from './types.js';

const gap = 6;
const line = 16;
const characterWidth = 6.6;

const fills: Record<Box['type'], string> = {
  machine: '#fafafa',
  package: '#dedede',
  die: '#d2d2d2',
  cluster: '#e8e8e8',
  group: '#f2f2f2',
  cache: '#ffffff',
  core: '#bebebe',
  cpu: '#ffffff',
};

interface Drawing {
  readonly width: number;
  readonly height: number;
  draw(x: number, y: number): string;
}

export function renderSvg(topology: Topology): string {
  const closed = new Set(topology.cpus.filter((cpu) => !cpu.allowed).map((cpu) => cpu.id));
  const machine = layOut(containment(topology), closed);
  const width = machine.width + 2 * gap;
  const height = machine.height + 2 * gap;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, Menlo, monospace" font-size="11">`,
    `<title>${escapeText(`${topology.cpus.length} CPUs, ${topology.nodes.length} NUMA nodes`)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    machine.draw(gap, gap),
    '</svg>',
    '',
  ].join('\n');
}

function layOut(box: Box, closed: ReadonlySet<number>): Drawing {
  const fill = box.type === 'cpu' && closed.has(box.cpus[0] ?? -1) ? '#f2a9a0' : fills[box.type];
  const nodes = box.nodes.map(layOutNode);
  const children = arrange(box.children.map((child) => layOut(child, closed)));
  const labelHeight = box.labels.length === 0 ? 0 : box.labels.length * line + gap;
  const nodesHeight = nodes.reduce((sum, node) => sum + node.height + gap, 0);
  const widths = [...box.labels.map(textWidth), ...nodes.map((node) => node.width)];
  const inner = Math.max(children.width, ...widths);
  const width = inner + 2 * gap;
  const below = children.height > 0 ? children.height + gap : 0;
  const height = gap + labelHeight + nodesHeight + below;
  return {
    width,
    height,
    draw: (x, y) => {
      const parts = [rectangle(x, y, width, height, fill)];
      box.labels.forEach((label, index) => {
        parts.push(text(x + gap, y + gap + (index + 1) * line - 4, label));
      });
      let top = y + gap + labelHeight;
      for (const node of nodes) {
        parts.push(node.draw(x + gap, top));
        top += node.height + gap;
      }
      parts.push(children.draw(x + gap, top));
      return parts.join('\n');
    },
  };
}

function layOutNode(node: NumaNode): Drawing {
  const label = `NUMANode ${node.id} (${formatBytes(node.bytes)})`;
  const width = textWidth(label) + 2 * gap;
  const height = line + gap;
  return {
    width,
    height,
    draw: (x, y) =>
      `${rectangle(x, y, width, height, node.allowed ? '#efdfde' : '#f2a9a0')}\n${text(x + gap, y + line, label)}`,
  };
}

/** In as many columns as make the whole a little wider than high. */
function arrange(drawings: readonly Drawing[]): Drawing {
  let best = inColumns(drawings, Math.max(1, drawings.length));
  for (let columns = drawings.length - 1; columns > 0; columns--) {
    const next = inColumns(drawings, columns);
    if (squareness(next) < squareness(best)) best = next;
  }
  return best;
}

function squareness({ width, height }: Drawing): number {
  return Math.abs(Math.log(width / (1.6 * height)));
}

function inColumns(drawings: readonly Drawing[], columns: number): Drawing {
  const rows: Drawing[][] = [];
  for (let i = 0; i < drawings.length; i += columns) rows.push(drawings.slice(i, i + columns));
  const widthOf = (row: readonly Drawing[]): number =>
    row.reduce((sum, drawing) => sum + drawing.width + gap, -gap);
  const heightOf = (row: readonly Drawing[]): number =>
    Math.max(...row.map((drawing) => drawing.height));
  return {
    width: Math.max(0, ...rows.map(widthOf)),
    height: Math.max(
      0,
      rows.reduce((sum, row) => sum + heightOf(row) + gap, -gap),
    ),
    draw: (x, y) => {
      let top = y;
      return rows
        .map((row) => {
          let left = x;
          const drawn = row.map((drawing) => {
            const part = drawing.draw(left, top);
            left += drawing.width + gap;
            return part;
          });
          top += heightOf(row) + gap;
          return drawn.join('\n');
        })
        .join('\n');
    },
  };
}

function rectangle(x: number, y: number, width: number, height: number, fill: string): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="2" fill="${fill}" stroke="#444" stroke-width="0.7"/>`;
}

function text(x: number, y: number, value: string): string {
  return `<text x="${x}" y="${y}">${escapeText(value)}</text>`;
}

function textWidth(value: string): number {
  return Math.ceil(value.length * characterWidth);
}

function escapeText(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
