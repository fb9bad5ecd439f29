#include "core/memory/policy.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace moirai {
namespace {

constexpr unsigned long kOfAddress = 1 << 1;
constexpr unsigned long kAllowedNodes = 1 << 2;
// MPOL_F_STATIC_NODES, MPOL_F_RELATIVE_NODES, MPOL_F_NUMA_BALANCING: numactl may have set them.
constexpr int kModeFlags = (1 << 15) | (1 << 14) | (1 << 13);

int Errno(long returned) { return returned < 0 ? errno : 0; }

// An empty mask goes as none: the default policy refuses even that of no bits.
struct MaskArgument {
  explicit MaskArgument(const NodeSet& nodes)
      : words(nodes.Empty() ? nullptr : nodes.data()),
        max_node(nodes.Empty() ? 0 : NodeSet::MaxNode()) {}
  const unsigned long* words;
  unsigned long max_node;
};

int Get(const void* address, unsigned long flags, Policy* policy) {
  *policy = Policy();
  int mode = 0;
  const int error = Errno(
      syscall(SYS_get_mempolicy, &mode, policy->nodes.data(), NodeSet::MaxNode(), address, flags));
  policy->mode = static_cast<PolicyMode>(mode & ~kModeFlags);
  return error;
}

}  // namespace

int SetThreadPolicy(const Policy& policy) {
  const MaskArgument mask(policy.nodes);
  return Errno(syscall(SYS_set_mempolicy, policy.mode, mask.words, mask.max_node));
}

int GetThreadPolicy(Policy* policy) { return Get(nullptr, 0, policy); }

int BindRange(void* start, std::size_t bytes, const Policy& policy, unsigned flags) {
  const MaskArgument mask(policy.nodes);
  return Errno(syscall(SYS_mbind, start, bytes, policy.mode, mask.words, mask.max_node, flags));
}

int GetRangePolicy(const void* address, Policy* policy) { return Get(address, kOfAddress, policy); }

int GetAllowedNodes(NodeSet* nodes) {
  Policy allowed;
  const int error = Get(nullptr, kAllowedNodes, &allowed);
  *nodes = allowed.nodes;
  return error;
}

}  // namespace moirai
