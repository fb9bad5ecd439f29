// A folder as a user of the package has it: TypeScript beside node_modules/moirai.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'moirai-project-'));

  constructor() {
    mkdirSync(join(this.folder, 'node_modules'));
    symlinkSync(root, join(this.folder, 'node_modules/moirai'));
    symlinkSync(join(root, 'node_modules/@types'), join(this.folder, 'node_modules/@types'));
    this.write('package.json', '{ "type": "module" }');
  }

  /** Copies a folder of the repository. */
  copy(path: string): void {
    cpSync(join(root, path), join(this.folder, path), { recursive: true });
  }

  write(path: string, text: string): string {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  /** Compiles `path`, a folder, in place; throws what the compiler has to say. */
  compile(path: string): void {
    const config = this.write(
      `${path}/tsconfig.json`,
      JSON.stringify({
        extends: `${root}tsconfig.json`,
        compilerOptions: { noEmit: false, rootDir: '.', outDir: '.' },
        include: ['.'],
        exclude: ['node_modules'], // not the folder of the output, which is the same
      }),
    );
    const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', config], {
      encoding: 'utf8',
      cwd: this.folder,
    });
    if (stdout !== '') throw new Error(stdout);
  }

  run(path: string, args: readonly string[] = [], flags: readonly string[] = []): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [...flags, join(this.folder, path), ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
        cwd: this.folder,
        env: { ...process.env, INIT_CWD: undefined, NODE_OPTIONS: undefined },
      });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      // A process that hangs is killed so that the test can say so; it is no measure of speed.
      const timer = setTimeout(() => child.kill('SIGKILL'), 50_000);
      child.on('error', reject);
      child.on('close', (code) => {
        clearTimeout(timer);
        resolve({ code, stdout, stderr });
      });
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
