/* Prints, as one line of JSON, the memory policy of the calling thread as libnuma and the kernel
 * tell it, and on which nodes the pages of fresh memory are. A policy passes to what a thread
 * starts, so that what one program has set can be read here by another. */
#include <numa.h>
#include <numaif.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { pages = 64, most_nodes = 1024 };

static const char* const modes[] = {"default",    "preferred", "bind",
                                    "interleave", "local",     "preferred-many"};

static void print_mask(const char* name, const struct bitmask* mask) {
  const char* comma = "";
  printf("\"%s\":[", name);
  for (unsigned node = 0; node < mask->size; node++) {
    if (!numa_bitmask_isbitset(mask, node)) continue;
    printf("%s%u", comma, node);
    comma = ",";
  }
  printf("],");
}

/* Gives the bare mode. */
static unsigned print_raw(void) {
  int mode = 0;
  struct bitmask* nodes = numa_bitmask_alloc(most_nodes);
  if (get_mempolicy(&mode, nodes->maskp, most_nodes + 1, NULL, 0) != 0) {
    perror("get_mempolicy");
    exit(1);
  }
  /* The flags are the upper bits of the mode: linux/mempolicy.h. */
  const unsigned bare = (unsigned)mode & 0xffu;
  printf("\"mode\":\"%s\",", bare < sizeof modes / sizeof *modes ? modes[bare] : "unknown");
  printf("\"staticNodes\":%s,", mode & (1 << 15) ? "true" : "false");
  printf("\"relativeNodes\":%s,", mode & (1 << 14) ? "true" : "false");
  print_mask("nodes", nodes);
  numa_bitmask_free(nodes);
  return bare;
}

static void print_pages(void) {
  const size_t size = (size_t)sysconf(_SC_PAGESIZE);
  char* memory =
      mmap(NULL, pages * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* each[pages];
  int node[pages];
  int count[most_nodes] = {0};
  const char* comma = "";
  if (memory == MAP_FAILED) {
    perror("mmap");
    exit(1);
  }
  memset(memory, 1, pages * size);
  for (int i = 0; i < pages; i++) each[i] = memory + (size_t)i * size;
  if (numa_move_pages(0, pages, each, NULL, node, 0) != 0) {
    perror("move_pages");
    exit(1);
  }
  for (int i = 0; i < pages; i++)
    if (node[i] >= 0) count[node[i]]++;
  printf("\"pages\":{");
  for (int i = 0; i < most_nodes; i++) {
    if (count[i] == 0) continue;
    printf("%s\"%d\":%d", comma, i, count[i]);
    comma = ",";
  }
  printf("}");
}

int main(void) {
  if (numa_available() < 0) {
    fputs("libnuma: not available\n", stderr);
    return 1;
  }
  printf("{");
  const unsigned mode = print_raw();
  print_mask("membind", numa_get_membind());
  print_mask("interleave", numa_get_interleave_mask());
  /* libnuma 2.0.16 complains when asked this of a mode with several nodes that it does not know. */
  printf("\"preferred\":%d,", mode == MPOL_PREFERRED ? numa_preferred() : -1);
  print_pages();
  puts("}");
  return 0;
}
