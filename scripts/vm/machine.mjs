// A shape of test/vm/shapes.mjs in the words of QEMU and of the kernel's command line.

// Linux refuses an HMAT table that names a node without memory, and QEMU's names them all: a node that
// is to have none gets a little, which the kernel is told not to use.
const hiddenMib = 2;

/**
 * Options of QEMU, each with its value behind a blank, and words for the kernel's command line.
 *
 * @param {import('../../test/vm/shapes.mjs').Shape} shape
 */
export function machine({ nodes, distances, hmat }) {
  const cpus = nodes.flatMap((node) => node.cpus ?? []).length;
  const packages = nodes.filter((node) => node.cpus).length;
  const options = [];
  // A TSC in step on all CPUs, as QEMU's is, makes reading the clock many times quicker than its HPET.
  const kernelWords = ['tsc=reliable'];
  let mib = 0;
  for (const [id, node] of nodes.entries()) {
    const size = node.mib ?? hiddenMib;
    if (!node.mib) kernelWords.push(`memmap=${size}M$${mib}M`);
    mib += size;
    options.push(`-object memory-backend-ram,id=memory${id},size=${size}M`);
    const words = ['node', `nodeid=${id}`, `memdev=memory${id}`];
    for (const cpu of node.cpus ?? []) words.push(`cpus=${cpu}`);
    if (node.initiator !== undefined) words.push(`initiator=${node.initiator}`);
    options.push(`-numa ${words.join()}`);
  }
  for (const [source, row] of distances.entries()) {
    for (const [target, distance] of row.entries()) {
      if (source !== target) options.push(`-numa dist,src=${source},dst=${target},val=${distance}`);
    }
  }
  for (const { initiator, target, latencyNs, mibPerSecond } of hmat ?? []) {
    const pair = `-numa hmat-lb,initiator=${initiator},target=${target},hierarchy=memory`;
    options.push(`${pair},data-type=access-latency,latency=${latencyNs}`);
    options.push(`${pair},data-type=access-bandwidth,bandwidth=${mibPerSecond}M`);
  }
  options.push(
    `-machine q35,hmat=${hmat ? 'on' : 'off'}`,
    `-cpu max -smp ${cpus},sockets=${packages},cores=${cpus / packages},threads=1`,
    `-m ${mib}M`,
  );
  return { options, kernelWords };
}
