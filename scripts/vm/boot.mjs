// Boots one guest and runs one command in it.
import { execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shapes } from '../../test/vm/shapes.mjs';
import { base } from './base.mjs';
import { cpio } from './cpio.mjs';
import { machine } from './machine.mjs';

const init = fs.readFileSync(new URL('init.sh', import.meta.url));
const quoted = (word) => `'${word.replaceAll("'", String.raw`'\''`)}'`;

/**
 * Runs `command` with `files` (by path in the guest, without a leading slash) in a guest of that shape.
 * Resolves to its exit status, or to why there is none, when the guest has gone. `onOutput` gets what
 * the command prints; the folder `out`, if given, gets what it left in /out.
 *
 * @returns {Promise<{ status: number } | { died: string }>}
 */
export async function boot({ shape, command, files, timeoutSeconds, onOutput, out }) {
  const { kernel, programs } = base();
  const folder = fs.mkdtempSync(join(tmpdir(), 'moirai-vm-'));
  const path = (name) => join(folder, name);
  try {
    const own = cpio(
      new Map([
        ...files,
        ['init', { mode: 0o755, data: init }],
        ['command', { mode: 0o644, data: Buffer.from(command.map(quoted).join(' ')) }],
      ]),
    );
    fs.copyFileSync(programs, path('initramfs'));
    fs.appendFileSync(path('initramfs'), own);
    fs.symlinkSync(kernel, path('vmlinuz'));
    const { options, kernelWords } = machine(shapes[shape]);
    options.push(
      '-accel tcg,thread=multi -nodefaults -no-user-config -no-reboot -display none',
      '-serial file:kernel.log -serial stdio -serial file:out.tar',
      '-kernel vmlinuz -initrd initramfs',
    );
    const words = options.flatMap((option) => option.split(' '));
    words.push('-append', `console=ttyS0 quiet panic=-1 ${kernelWords.join(' ')}`);
    const qemu = spawn('qemu-system-x86_64', words, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let complaint = '';
    let late = false;
    qemu.stdout.setEncoding('utf8').on('data', onOutput);
    qemu.stderr.on('data', (text) => (complaint += text));
    const timer = setTimeout(() => {
      late = true;
      qemu.kill('SIGKILL');
    }, timeoutSeconds * 1000);
    const ending = await new Promise((resolve, reject) => {
      qemu.on('error', reject);
      qemu.on('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    clearTimeout(timer);

    const results = out ?? path('results');
    fs.mkdirSync(results, { recursive: true });
    // A guest that died in the middle has sent half an archive, or none.
    try {
      execFileSync('tar', ['-x', '-C', results, '-f', path('out.tar')], { stdio: 'ignore' });
      return { status: Number(fs.readFileSync(join(results, 'status'), 'utf8')) };
    } catch {
      const log = fs.existsSync(path('kernel.log'))
        ? fs.readFileSync(path('kernel.log'), 'utf8')
        : '';
      const why = late ? `no end after ${timeoutSeconds} s` : `QEMU ended with ${ending}`;
      return { died: [why, complaint.trim(), log.slice(-4000).trim()].filter(Boolean).join('\n') };
    }
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}
