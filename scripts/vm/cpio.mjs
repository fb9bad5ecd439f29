// Files as an archive that Linux unpacks into its first root (cpio, format newc: the kernel's
// driver-api/early-userspace/buffer-format). Several archives in a row are unpacked one over the other.

/** @param {Map<string, { mode: number, data: Buffer }>} files by path, without a leading slash */
export function cpio(files) {
  const parts = [];
  let entries = 0;
  const pad = (length) => parts.push(Buffer.alloc(-length & 3));
  const entry = (path, mode, data) => {
    const name = Buffer.from(`${path}\0`);
    entries += 1;
    // Number, mode, uid, gid, links, mtime, size, four device numbers, length of the name, checksum.
    const fields = [entries, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
    parts.push(Buffer.from(header), name);
    pad(header.length + name.length);
    parts.push(data);
    pad(data.length);
  };
  const folders = new Set();
  for (const [path, { mode, data }] of files) {
    for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
      const folder = path.slice(0, end);
      if (!folders.has(folder)) entry(folder, 0o40755, Buffer.alloc(0));
      folders.add(folder);
    }
    entry(path, 0o100000 | mode, data);
  }
  entry('TRAILER!!!', 0, Buffer.alloc(0));
  return Buffer.concat(parts);
}
